import { describe, expect, test } from 'vitest';
import { isPeeringError } from './errors.ts';
import { checkPeerName, nameWithSuffix } from './names.ts';

const fingerprint = '1a2b3c4d'.repeat(8);

describe('peer names', () => {
  test.for(['rome', 'a', 'rome-2', '0', 'x'.repeat(48)])('%s is one', (name) => {
    expect(checkPeerName(name, '--name')).toBe(name);
  });

  test.for(['', 'Rome', 'ro.me', '-rome', 'rome-', 'ro me', 'röme', 'x'.repeat(49)])(
    '"%s" is refused with the rule',
    (name) => {
      try {
        checkPeerName(name, '--name');
        expect.unreachable();
      } catch (error) {
        expect(isPeeringError(error, 'InvalidPeerName')).toBe(true);
        expect(String(error)).toContain('DNS label of at most 48 characters');
      }
    },
  );

  test('a second cluster of that name gets four digits of its fingerprint', () => {
    expect(nameWithSuffix('rome', fingerprint)).toBe('rome-1a2b');
  });

  test('the suffix stays within 48 characters and never doubles a dash', () => {
    const long = nameWithSuffix('x'.repeat(48), fingerprint);
    expect(long).toBe(`${'x'.repeat(43)}-1a2b`);
    expect(checkPeerName(long, 'name')).toBe(long);
    expect(nameWithSuffix(`${'x'.repeat(42)}-yyyyy`, fingerprint)).toBe(`${'x'.repeat(42)}-1a2b`);
  });
});
