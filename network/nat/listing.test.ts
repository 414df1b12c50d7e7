import { expect, test } from 'vitest';
import { elementText } from './listing.ts';

test.each([
  ['10.244.1.5', '10.244.1.5'],
  [{ prefix: { addr: '10.244.1.0', len: 24 } }, '10.244.1.0/24'],
  [{ concat: ['10.244.1.5', 'tcp', 80] }, '10.244.1.5 . tcp . 80'],
  // As nft lists it where there is no /etc/protocols: rules were loaded anew at every check.
  [{ concat: ['10.244.1.5', 17, 53] }, '10.244.1.5 . udp . 53'],
])('an element %j is the one that was written', (listed, written) => {
  expect(elementText(listed)).toBe(written);
});
