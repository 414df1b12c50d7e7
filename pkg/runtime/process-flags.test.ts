import { expect, test } from 'vitest';
import { z } from 'zod';
import { processFlags } from './process-flags.ts';

const options = {
  process: 'tombolo test',
  schema: z.object({
    logLevel: z.enum(['info', 'debug']).default('info'),
    healthPort: z.coerce.number().int().default(8080),
    podUid: z.string().min(1),
  }),
  fromEnv: { podUid: 'POD_UID' },
};

test('reads flags in kebab-case, defaults, and the environment', () => {
  expect(processFlags(options, ['--log-level=debug'], { POD_UID: 'u' })).toEqual({
    logLevel: 'debug',
    healthPort: 8080,
    podUid: 'u',
  });
});

test.each([
  [['--log-level', 'loud'], { POD_UID: 'u' }, /--log-level/],
  [['--health-port', 'x'], { POD_UID: 'u' }, /--health-port/],
  [['--nonsense', 'x'], { POD_UID: 'u' }, /--nonsense/],
  [[], {}, /POD_UID/],
])('refuses %j and names what is wrong', (args, env, sentence) => {
  expect(() => processFlags(options, args, env)).toThrow(sentence);
});
