import { expect, test } from 'vitest';
import { ownRangesProblem } from './own-ranges.ts';

const podRanges = ['10.244.0.0/16'];

test.each([
  ['distinct ranges', { podRanges, serviceRanges: ['10.96.0.0/12'] }, undefined],
  ['a part beside the whole', { podRanges: [...podRanges, '10.244.1.0/24'] }, undefined],
  ['public addresses, which are ours', { nodeRanges: ['203.0.113.0/24'] }, undefined],
  ['a whole /8', { podRanges: ['10.0.0.0/8'] }, undefined],
  [
    'Services inside the pods',
    { podRanges, serviceRanges: ['10.244.128.0/20'] },
    'service range 10.244.128.0/20 overlaps pod range 10.244.0.0/16',
  ],
  ['host bits', { anchorRange: '10.0.0.1/20' }, 'anchor range 10.0.0.1/20 cannot be used: it has host'],
  ['loopback', { podRanges: ['127.0.0.0/8'] }, 'pod range 127.0.0.0/8 cannot be used: it has loopback'],
  ['everything', { podRanges: ['0.0.0.0/0'] }, 'pod range 0.0.0.0/0 cannot be used: it is all of IPv4'],
])('%s', (_, ranges, problem) => {
  if (problem === undefined) expect(ownRangesProblem(ranges)).toBeUndefined();
  else expect(ownRangesProblem(ranges)).toContain(problem);
});
