import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createSignals, onInterruptOrHangUp } from './signals.ts';

function createScene() {
  const source = new EventEmitter();
  const scene = { time: 0, heard: [] as string[] };
  const signals = createSignals(source, () => scene.time);
  const hear = (name: string) => () => void scene.heard.push(name);
  const send = (signal: string, time: number) => {
    scene.time = time;
    source.emit(signal);
  };
  return { source, scene, signals, hear, send };
}

test('a SIGINT that npm passes on beside that of the terminal is one Ctrl-C; a second Ctrl-C is two', () => {
  const { scene, signals, hear, send } = createScene();
  signals.onInterrupt(hear('first'));
  signals.onInterrupt(hear('second'));
  send('SIGINT', 1000);
  send('SIGINT', 1003);
  send('SIGINT', 1199);
  expect(scene.heard).toEqual(['first', 'second']);
  send('SIGINT', 1200);
  expect(scene.heard).toEqual(['first', 'second', 'first', 'second']);
});

test('SIGTERM counts each time', () => {
  const { scene, signals, hear, send } = createScene();
  signals.onInterrupt(hear('end'));
  send('SIGTERM', 1);
  send('SIGTERM', 2);
  expect(scene.heard).toEqual(['end', 'end']);
});

test('SIGHUP is a matter of its own, but for what ends with its terminal', () => {
  const { scene, signals, hear, send } = createScene();
  const stop = onInterruptOrHangUp(signals)(hear('demo'));
  signals.onHangUp(hear('reload'));
  signals.onInterrupt(hear('end'));
  send('SIGHUP', 1);
  expect(scene.heard).toEqual(['demo', 'reload']);
  stop();
  send('SIGHUP', 2);
  send('SIGTERM', 3);
  expect(scene.heard).toEqual(['demo', 'reload', 'reload', 'end']);
});

test('while nobody listens, signals do what they do to any process', () => {
  const { source, signals, hear } = createScene();
  const stops = [signals.onInterrupt(hear('a')), signals.onInterrupt(hear('b')), signals.onHangUp(hear('c'))];
  const count = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => source.listenerCount(signal));
  expect(count()).toEqual([1, 1, 1]);
  for (const stop of [...stops, ...stops]) stop();
  expect(count()).toEqual([0, 0, 0]);
});
