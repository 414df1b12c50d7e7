import { describe, expect, test } from 'vitest';
import { CliError } from '../errors.ts';
import { errorParts, errorSentence } from './error.ts';
import { render } from './format.ts';
import { createProgress } from './progress.ts';
import { table } from './table.ts';

describe('table', () => {
  test('looks like kubectl: upper-case headers, three blanks, nothing at the end of a line', () => {
    expect(
      table(
        ['peer', 'state'],
        [
          ['rome', 'Accepted'],
          ['turin-of-the-north', ''],
        ],
      ),
    ).toBe(['PEER                 STATE', 'rome                 Accepted', 'turin-of-the-north   -', ''].join('\n'));
  });

  test('without rows is its header', () => {
    expect(table(['peer'], [])).toBe('PEER\n');
  });
});

describe('render', () => {
  test('gives one document with a line break at its end in every format', async () => {
    expect(await render('text', {}, 'done')).toBe('done\n');
    expect(JSON.parse(await render('json', { peer: 'rome' }, 'done'))).toEqual({ peer: 'rome' });
    expect(await render('yaml', { peer: 'rome', list: [1] }, 'done')).toBe('peer: rome\nlist:\n  - 1\n');
  });
});

describe('errors', () => {
  const facts = { attempted: 'reach this cluster', where: 'https://milan:6443 (TCP)', why: 'refused\nby\n it' };

  test('keep their four parts and read as one line', () => {
    const parts = errorParts(new CliError('ApiUnreachable', facts), 'peer');
    expect(parts).toMatchObject({ code: 'ApiUnreachable', ...facts });
    expect(errorSentence(parts)).toBe(
      'cannot reach this cluster: https://milan:6443 (TCP): refused by it; check the address in the kubeconfig, and that the cluster runs',
    );
  });

  test('without a code say what was attempted', () => {
    expect(errorParts(new TypeError('x is not a function'), 'peer')).toMatchObject({
      code: 'Failed',
      attempted: 'peer',
      why: 'x is not a function',
    });
  });
});

describe('progress', () => {
  test('without a terminal is one plain line for each step, no more', () => {
    const lines: string[] = [];
    const progress = createProgress({ write: (text: string) => lines.push(text) });
    progress.step('checking');
    progress.step('checking');
    progress.note('  - pod web-1');
    progress.step('waiting');
    expect(progress.current).toBe('waiting');
    progress.end();
    expect(lines).toEqual(['checking\n', '  - pod web-1\n', 'waiting\n']);
    expect(progress.current).toBe('');
  });

  test('with a terminal redraws its line and ends it with the time', () => {
    let text = '';
    let nowMs = 0;
    const progress = createProgress({ isTTY: true, write: (part: string) => (text += part) }, () => nowMs);
    progress.step('checking');
    nowMs = 1_200;
    progress.end();
    expect(text).toBe('\r\u001b[Kchecking … (0.0 s)\r\u001b[Kchecking (1.2 s)\n');
  });
});
