import { expect, test } from 'vitest';
import { ownRangesProblem } from './own-ranges.ts';

const PODS = { what: 'pod range', range: '10.244.0.0/16' };

test.each([
  ['distinct ranges', [PODS, { what: 'service range', range: '10.96.0.0/12' }], undefined],
  ['a part beside the whole', [PODS, { what: 'pod range', range: '10.244.1.0/24' }], undefined],
  ['public addresses, which are ours', [{ what: 'node range', range: '203.0.113.0/24' }], undefined],
  ['a whole /8', [{ what: 'pod range', range: '10.0.0.0/8' }], undefined],
  [
    'Services inside the pods',
    [PODS, { what: 'service range', range: '10.244.128.0/20' }],
    'service range 10.244.128.0/20 overlaps pod range 10.244.0.0/16',
  ],
  [
    'host bits',
    [{ what: 'anchor range', range: '10.0.0.1/20' }],
    'anchor range 10.0.0.1/20 cannot be used: it has host',
  ],
  ['loopback', [{ what: 'pod range', range: '127.0.0.0/8' }], 'pod range 127.0.0.0/8 cannot be used: it has loopback'],
  ['everything', [{ what: 'pod range', range: '0.0.0.0/0' }], 'pod range 0.0.0.0/0 cannot be used: it is all of IPv4'],
])('%s', (_, ranges, problem) => {
  if (problem === undefined) expect(ownRangesProblem(ranges)).toBeUndefined();
  else expect(ownRangesProblem(ranges)).toContain(problem);
});
