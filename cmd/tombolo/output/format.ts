export const FORMATS = ['text', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** What a command has to say: `value` for machines (stable keys), `text` for people. */
export interface Result {
  readonly value: object;
  readonly text: string;
  /** 0 where absent. */
  readonly exitCode?: 0 | 1 | 4;
}

/** One whole document for stdout, with a line break at its end. */
export async function render(format: Format, value: object, text: string): Promise<string> {
  switch (format) {
    case 'json':
      return `${JSON.stringify(value, null, 2)}\n`;
    case 'yaml': {
      const { stringify } = await import('yaml');
      return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
    }
    case 'text':
      return text === '' || text.endsWith('\n') ? text : `${text}\n`;
  }
}
