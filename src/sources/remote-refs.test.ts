import { describe, expect, test } from 'vitest';
import { framePacket } from '../support/git/pkt-line.ts';
import { type ParsedRefs, parseRefLines, parseSmartRefs, selectHead } from './remote-refs.ts';

const one = '1'.repeat(40);
const two = '2'.repeat(40);
const none = '0'.repeat(40);

function packets(...lines: readonly string[]): Buffer {
  const framed = lines.map((line) => framePacket(Buffer.from(`${line}\n`)).toString());
  return Buffer.from(`${framed[0] ?? ''}0000${framed.slice(1).join('')}0000`);
}

const service = '# service=git-upload-pack';

function headOf(parsed: ParsedRefs) {
  return parsed.kind === 'refs' ? selectHead(parsed.refs) : parsed.reason;
}

describe('parseSmartRefs', () => {
  test('reads the default branch and what the server can do', () => {
    const parsed = parseSmartRefs(
      packets(
        service,
        `${one} HEAD\0shallow symref=HEAD:refs/heads/trunk agent=x`,
        `${two} refs/heads/main`,
        `${one} refs/heads/trunk`,
        `${two} refs/tags/v1^{}`,
      ),
    );
    expect(headOf(parsed)).toEqual({ ref: 'refs/heads/trunk', commit: one });
    expect(parsed).toMatchObject({ refs: { capabilities: expect.arrayContaining(['shallow']) } });
  });

  test('finds nothing in an empty repository', () => {
    const parsed = parseSmartRefs(packets(service, `${none} capabilities^{}\0shallow`));
    expect(parsed).toMatchObject({ kind: 'refs', refs: { refs: new Map() } });
  });

  test.each([
    ['cut short', packets(service, `${one} HEAD\0shallow`).subarray(0, -6)],
    ['without its end', packets(service, `${one} HEAD\0shallow`).subarray(0, -4)],
    ['no packets', Buffer.from('<html>')],
    ['garbage in a packet', packets(service, 'nonsense\0shallow')],
    ['another version', packets(service, 'version 2', 'ls-refs')],
    ['an error', packets(service, 'ERR access denied')],
    ['SHA-256', packets(service, `${'1'.repeat(64)} HEAD\0shallow`)],
  ])('refuses an answer that is %s', (_, answer) => {
    expect(parseSmartRefs(answer)).toMatchObject({ kind: 'malformed' });
  });
});

describe('selectHead', () => {
  test.each([
    [
      'what HEAD points to',
      `ref: refs/heads/x\tHEAD\n${one}\tHEAD\n${one}\trefs/heads/x\n${two}\trefs/heads/main`,
      'refs/heads/x',
    ],
    [
      'main at the same commit',
      `${one}\tHEAD\n${one}\trefs/heads/a\n${one}\trefs/heads/main`,
      'refs/heads/main',
    ],
    [
      'a branch at the same commit',
      `${one}\tHEAD\n${two}\trefs/heads/main\n${one}\trefs/heads/x`,
      'refs/heads/x',
    ],
    ['HEAD itself', `${one}\tHEAD\n${two}\trefs/heads/main`, 'HEAD'],
    ['main', `${two}\trefs/heads/master\n${one}\trefs/heads/main`, 'refs/heads/main'],
    ['master', `${one}\trefs/heads/master\n${two}\trefs/heads/x`, 'refs/heads/master'],
    [
      'main, where HEAD points nowhere',
      `ref: refs/heads/gone\tHEAD\n${one}\trefs/heads/main`,
      'refs/heads/main',
    ],
  ])('takes %s', (_, text, ref) => {
    expect(headOf(parseRefLines(text))).toEqual({ ref, commit: one });
  });

  test('takes nothing else', () => {
    expect(headOf(parseRefLines(`${one}\trefs/heads/x\n${two}\trefs/tags/main`))).toBeUndefined();
  });

  test('takes no name that would mean something in a refspec', () => {
    expect(headOf(parseRefLines(`ref: refs/heads/a:b\tHEAD\n${one}\trefs/heads/a:b`))).toBeUndefined();
  });
});

test.each(['<!doctype html>', 'hello', `${one} refs/heads/main`])('parseRefLines refuses %j', (text) => {
  expect(parseRefLines(text)).toMatchObject({ kind: 'malformed' });
});
