#!/usr/bin/env node
import { programVersion } from './support/version.ts';

process.stdout.write(`${programVersion}\n`);
