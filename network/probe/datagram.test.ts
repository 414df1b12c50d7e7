import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DATAGRAM_BYTES, decodeDatagram, encodeDatagram } from './datagram.ts';

const request = { type: 'request', nonce: 0x0102030405060708n, sentAtMicros: 9n } as const;

describe('datagrams', () => {
  test('are written as the table says', () => {
    expect(encodeDatagram(request).toString('hex')).toBe(
      '746d626f' + '01' + '01' + '0102030405060708' + '0000000000000009',
    );
    expect(encodeDatagram(request, 1_000)).toHaveLength(1_000);
    expect(encodeDatagram(request, 3)).toHaveLength(DATAGRAM_BYTES);
  });

  test('come back as they were sent', () => {
    const numbers = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(numbers, numbers, fc.constantFrom('request', 'reply'), (nonce, sentAtMicros, type) => {
        expect(decodeDatagram(encodeDatagram({ type, nonce, sentAtMicros }))).toEqual({ type, nonce, sentAtMicros });
      }),
    );
    expect(decodeDatagram(encodeDatagram(request, 1_400))).toEqual(request);
  });

  test.each([
    ['nothing', 0, (bytes: Buffer) => bytes.subarray(0, 0)],
    ['a byte too few', 0, (bytes: Buffer) => bytes.subarray(0, DATAGRAM_BYTES - 1)],
    ['another magic', 0, (bytes: Buffer) => bytes.fill(0, 0, 1)],
    ['another version', 0, (bytes: Buffer) => bytes.fill(2, 4, 5)],
    ['another type', 0, (bytes: Buffer) => bytes.fill(3, 5, 6)],
    ['a padded reply', 8, (bytes: Buffer) => bytes.fill(2, 5, 6)],
  ])('are refused: %s', (_, padding, damage) => {
    expect(decodeDatagram(damage(encodeDatagram(request, DATAGRAM_BYTES + padding)))).toBeUndefined();
  });
});
