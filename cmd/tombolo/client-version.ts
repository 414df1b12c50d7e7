import packageJson from '../../package.json' with { type: 'json' };

/** Version of this program; the chart beside it has the same. */
export const CLIENT_VERSION: string = packageJson.version;
