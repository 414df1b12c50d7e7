import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Clock, fakeClock } from '#pkg/runtime';
import { type Answerer, byteServer, rushedClock } from './byte-server.ts';
import { connectCluster } from './cluster.ts';
import type { ClusterAuth } from './credentials.ts';
import { KubeError } from './errors.ts';
import { CONFIG_MAP, NAMESPACE, POD } from './resources.ts';
import type { Pod } from './types.ts';

const POD_REF = { namespace: 'shop', name: 'web' };

async function serve(answer: Answerer, auth: ClusterAuth = { token: 'secret-token' }, clock?: Clock) {
  const server = await byteServer(answer);
  const cluster = connectCluster({ name: 'rome', server: server.url, auth }, { clock, random: () => 0.5 });
  return {
    server,
    cluster,
    client: cluster.client,
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof KubeError)) throw new Error(`expected a KubeError, got ${String(error)}`);
  return error;
}

describe('requests', () => {
  test('objects come as they are, with fields that nobody here knows', async () => {
    const object = { metadata: { name: 'web', namespace: 'shop' }, spec: { brandNew: [1] }, extra: { __proto__x: 1 } };
    await using bed = await serve((_, reply) => reply.json(200, object));
    expect(await bed.client.get(POD, POD_REF)).toEqual(object);
    expect(bed.server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer secret-token',
      'user-agent': 'tombolo',
    });
  });

  test('create fills in apiVersion and kind and posts to the namespace', async () => {
    await using bed = await serve((request, reply) => reply.json(201, request.body));
    const made = await bed.client.create(CONFIG_MAP, { metadata: { name: 'c', namespace: 'shop' }, data: { a: 'b' } });
    expect(made).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'shop' },
      data: { a: 'b' },
    });
    expect(bed.server.requests[0]).toMatchObject({ method: 'POST', path: '/api/v1/namespaces/shop/configmaps' });
  });

  test('apply, patch, replace and delete say what the API server wants to hear', async () => {
    await using bed = await serve((_, reply) => reply.json(200, { metadata: { name: 'web' } }));
    const { client } = bed;
    await client.apply(POD, { metadata: POD_REF, spec: { hostname: 'x' } }, { fieldManager: 'tombolo', force: true });
    await client.patch(POD, POD_REF, [{ op: 'test', path: '/a', value: 1 }], { type: 'json', subresource: 'status' });
    await client.patch(POD, POD_REF, {}, { type: 'strategic', fieldManager: 'tombolo' });
    await client.replace<Pod>(POD, { metadata: POD_REF }, { subresource: 'status' });
    await client.delete(POD, POD_REF, { uid: 'u1', gracePeriodSeconds: 0, propagationPolicy: 'Background' });
    await client.deleteCollection(POD, { namespace: 'shop', labelSelector: 'a=b' });
    await client.subresource(POD, POD_REF, 'eviction', { kind: 'Eviction' });
    expect(
      bed.server.requests.map(({ method, path, query, headers, body }) =>
        [method, path, query.toString(), headers['content-type'] ?? '', body].join(' ').trim(),
      ),
    ).toEqual([
      'PATCH /api/v1/namespaces/shop/pods/web fieldManager=tombolo&force=true application/apply-patch+yaml ' +
        '{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop","name":"web"},"spec":{"hostname":"x"}}',
      'PATCH /api/v1/namespaces/shop/pods/web/status  application/json-patch+json [{"op":"test","path":"/a","value":1}]',
      'PATCH /api/v1/namespaces/shop/pods/web fieldManager=tombolo application/strategic-merge-patch+json {}',
      'PUT /api/v1/namespaces/shop/pods/web/status  application/json ' +
        '{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop","name":"web"}}',
      'DELETE /api/v1/namespaces/shop/pods/web  application/json {"kind":"DeleteOptions","apiVersion":"v1",' +
        '"preconditions":{"uid":"u1"},"gracePeriodSeconds":0,"propagationPolicy":"Background"}',
      'DELETE /api/v1/namespaces/shop/pods labelSelector=a%3Db',
      'POST /api/v1/namespaces/shop/pods/web/eviction  application/json {"kind":"Eviction"}',
    ]);
  });

  test('a forgotten namespace does not delete the pods of all namespaces', async () => {
    await using bed = await serve((_, reply) => reply.json(200, {}));
    await expect(bed.client.deleteCollection(POD, {})).rejects.toThrow('name a namespace');
    expect(bed.server.requests).toEqual([]);
  });

  test('request hands out any status and never throws on one', async () => {
    await using bed = await serve((_, reply) => reply.json(418, 'teapot', { 'x-tea': 'yes' }));
    const answer = await bed.client.request('POST', '/anything', { body: { a: 1 }, query: { q: ['x', 'y'] } });
    expect([answer.status, answer.headers['x-tea'], answer.body.toString()]).toEqual([418, 'yes', 'teapot']);
    expect(bed.server.requests[0]).toMatchObject({ method: 'POST', body: '{"a":1}' });
    expect(bed.server.requests[0]?.query.toString()).toBe('q=x&q=y');
  });

  test('an answer that is not JSON is named as such', async () => {
    await using bed = await serve((_, reply) => reply.json(200, '<html>'));
    expect((await failure(bed.client.get(POD, POD_REF))).code).toBe('Malformed');
  });

  test('the path of a gateway stays in front', async () => {
    await using server = await byteServer((_, reply) => reply.json(200, { gitVersion: 'v1.35.4' }));
    await using cluster = connectCluster({ name: 'x', server: `${server.url}/k8s/clusters/c1/`, auth: {} });
    await cluster.client.version();
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c1/version');
  });

  test('impersonation headers go with every request', async () => {
    const impersonate = { user: 'ann', groups: ['dev', 'ops'], extra: { 'Example.com/Team': ['a'] } };
    await using bed = await serve((_, reply) => reply.json(200, {}), { token: 't', impersonate });
    await bed.client.get(POD, POD_REF);
    expect(bed.server.requests[0]?.headers).toMatchObject({
      'impersonate-user': 'ann',
      'impersonate-group': 'ops', // the last of two lines
      'impersonate-extra-example.com%2fteam': 'a',
    });
  });
});

describe('errors', () => {
  test('a refusal says what, where and why, and holds no credentials', async () => {
    await using bed = await serve((_, reply) => reply.status(403, 'Forbidden', 'pods "web" is forbidden'));
    const error = await failure(bed.client.get(POD, POD_REF));
    expect(error.isForbidden).toBe(true);
    expect(error.message).toContain(`get Pod shop/web: ${bed.server.url} (cluster rome): pods "web" is forbidden;`);
    expect(JSON.stringify(error) + error.stack).not.toContain('secret-token');
  });

  test('an address where nobody listens is named with its port', async () => {
    const server = await byteServer(() => {});
    await server[Symbol.asyncDispose]();
    await using cluster = connectCluster({ name: 'rome', server: server.url, auth: {} });
    const error = await failure(cluster.client.get(POD, POD_REF));
    expect(error.isConnection).toBe(true);
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(error.message).toContain('connection refused');
  });

  test('a server that says nothing costs 30 seconds, not for ever', async () => {
    await using clock = rushedClock();
    await using bed = await serve(() => {}, {}, clock);
    const error = await failure(bed.client.get(POD, POD_REF));
    expect(error.why).toBe('no complete answer within 30 s');
  });

  // Guards what a hostile peer can cost (PEER-32).
  test('a body of one byte a second is cut off', async () => {
    await using clock = rushedClock();
    await using bed = await serve(
      (_, reply) => {
        reply.begin();
        const timer = setInterval(() => reply.write('x'), 10);
        reply.socket.on('close', () => clearInterval(timer));
      },
      {},
      clock,
    );
    const error = await failure(bed.client.get(POD, POD_REF));
    expect(error.code).toBe('TooSlow');
  });

  test('a body without end is cut off at its limit', async () => {
    await using bed = await serve((_, reply) => {
      reply.begin();
      const block = Buffer.alloc(1024 * 1024, 0x20);
      const pump = () => {
        while (!reply.socket.destroyed && reply.socket.writableLength < 8 * block.length) reply.write(block);
      };
      reply.socket.on('drain', pump);
      pump();
    });
    const error = await failure(bed.client.get(POD, POD_REF));
    expect(error.code).toBe('TooLarge');
  });

  test('the reason of an abort comes out as it went in', async () => {
    await using bed = await serve(() => {});
    const abort = new AbortController();
    const call = bed.client.get(POD, POD_REF, { signal: abort.signal });
    const reason = new Error('changed my mind');
    setTimeout(() => abort.abort(reason), 20);
    await expect(call).rejects.toBe(reason);
    await expect(bed.client.get(POD, POD_REF, { signal: abort.signal })).rejects.toBe(reason);
  });
});

describe('trying again', () => {
  test('a 429 with Retry-After is waited out, for writes too', async () => {
    await using clock = rushedClock();
    await using bed = await serve(
      (request, reply, number) =>
        number < 3
          ? reply.status(429, 'TooManyRequests', 'later', { 'retry-after': '1' })
          : reply.json(201, request.body),
      {},
      clock,
    );
    await bed.client.create(NAMESPACE, { metadata: { name: 'shop' } });
    expect(bed.server.requests.length).toBe(3);
  });

  test('a 429 without Retry-After (a disruption budget) and one that stays are told to the caller', async () => {
    await using clock = rushedClock();
    await using budget = await serve((_, reply) => reply.status(429, 'TooManyRequests', 'the budget'));
    expect((await failure(budget.client.subresource(POD, POD_REF, 'eviction', {}))).isTooManyRequests).toBe(true);
    expect(budget.server.requests.length).toBe(1);
    await using busy = await serve((_, reply) => reply.status(429, '', 'busy', { 'retry-after': '1' }), {}, clock);
    expect((await failure(busy.client.get(POD, POD_REF))).retryAfterMs).toBe(1_000);
    expect(busy.server.requests.length).toBe(4);
  });

  test('a GET whose connection dies goes out once more, a POST does not', async () => {
    await using bed = await serve((request, reply, number) => {
      if (request.method === 'POST' || number === 2) reply.socket.destroy();
      else reply.json(200, { metadata: { name: 'web' } });
    });
    await bed.client.get(POD, POD_REF);
    await bed.client.get(POD, POD_REF); // number 2 dies, number 3 answers
    expect(bed.server.requests.length).toBe(3);
    const error = await failure(bed.client.create(NAMESPACE, { metadata: { name: 'shop' } }));
    expect([error.isConnection, bed.server.requests.length]).toEqual([true, 4]);
  });

  test('a list whose continue token expires starts over and mixes no pages', async () => {
    const item = (name: string) => ({ metadata: { name, namespace: 'shop' } });
    const first = { metadata: { resourceVersion: '5', continue: 'more' }, items: [item('old')] };
    await using bed = await serve((request, reply, number) => {
      if (request.query.get('continue') === null) {
        reply.json(
          200,
          number === 1 ? first : { metadata: { resourceVersion: '9', continue: 'c' }, items: [item('a')] },
        );
      } else if (number === 2) reply.status(410, 'Expired', 'too old');
      else reply.json(200, { metadata: { resourceVersion: '9' }, items: [item('b')] });
    });
    const list = await bed.client.list(POD, { namespace: 'shop', labelSelector: 'x=y' });
    expect(list).toEqual({
      resourceVersion: '9',
      items: ['a', 'b'].map((name) => ({ ...item(name), apiVersion: 'v1', kind: 'Pod' })),
    });
    expect(bed.server.requests[0]?.query.toString()).toBe('labelSelector=x%3Dy&limit=500');
  });

  test('limit asks for no more than that', async () => {
    await using bed = await serve((_, reply) =>
      reply.json(200, {
        metadata: { resourceVersion: '5', continue: 'more' },
        items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }, { metadata: { name: 'c' } }],
      }),
    );
    expect((await bed.client.list(POD, { limit: 2 })).items.map((pod) => pod.metadata.name)).toEqual(['a', 'b']);
    expect(bed.server.requests.length).toBe(1);
  });
});

describe('credentials', () => {
  test('a token file is read again after a 401, and the request repeated once', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'tombolo-kube-'));
    const tokenFile = join(folder.path, 'token');
    await writeFile(tokenFile, 'old\n');
    await using bed = await serve(
      (request, reply) =>
        request.headers['authorization'] === 'Bearer new'
          ? reply.json(200, {})
          : reply.status(401, 'Unauthorized', 'Unauthorized'),
      { tokenFile },
    );
    expect((await failure(bed.client.get(POD, POD_REF))).isUnauthorized).toBe(true);
    expect(bed.server.requests.length).toBe(1); // the file had nothing new to try
    await writeFile(tokenFile, 'new\n');
    await bed.client.get(POD, POD_REF);
    expect(bed.server.requests.map((request) => request.headers['authorization'])).toEqual([
      'Bearer old',
      'Bearer old',
      'Bearer new',
    ]);
  });

  test('a token file is read again every minute', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'tombolo-kube-'));
    const tokenFile = join(folder.path, 'token');
    await writeFile(tokenFile, 'one');
    const clock = fakeClock();
    await using bed = await serve((_, reply) => reply.json(200, {}), { tokenFile }, clock);
    await bed.client.get(POD, POD_REF);
    await writeFile(tokenFile, 'two');
    await clock.advance(60_000);
    await bed.client.get(POD, POD_REF);
    expect(bed.server.requests.map((request) => request.headers['authorization'])).toEqual([
      'Bearer one',
      'Bearer two',
    ]);
  });

  test('a token file that is gone is named, its content never', async () => {
    await using bed = await serve(() => {}, { tokenFile: '/nowhere/token' });
    const error = await failure(bed.client.get(POD, POD_REF));
    expect(error.code).toBe('CredentialsUnavailable');
    expect(error.message).toContain('/nowhere/token');
  });

  test('a new token is used from the next request on, without a new connection', async () => {
    await using bed = await serve((_, reply) => reply.json(200, {}), { token: 'one' });
    for (let i = 0; i < 3; i++) await bed.client.get(POD, POD_REF);
    const before = bed.server.connections;
    bed.cluster.setToken('two');
    await bed.client.get(POD, POD_REF);
    expect(bed.server.requests.at(-1)?.headers['authorization']).toBe('Bearer two');
    expect(bed.server.connections).toBe(before);
  });

  test('two sources of a token contradict each other', () => {
    const auth = { token: 'a', tokenFile: 'b' };
    expect(() => connectCluster({ name: 'x', server: 'https://x', auth })).toThrow('both token and tokenFile');
    expect(() => connectCluster({ name: 'x', server: 'x:6443', auth: {} })).toThrow('an https URL is needed');
  });
});

describe('streams', () => {
  test('a connection is kept after each kind of request, also after a deletion with conditions', async () => {
    await using bed = await serve((_, reply) => reply.json(200, {}));
    for (let i = 0; i < 3; i++) await bed.client.get(POD, POD_REF);
    const before = bed.server.connections;
    await bed.client.delete(POD, POD_REF, { uid: 'u1' });
    await bed.client.patch(POD, POD_REF, {}, { type: 'merge' });
    await bed.client.delete(POD, POD_REF);
    await bed.client.get(POD, POD_REF);
    expect(bed.server.connections).toBe(before);
  });

  test('watches and logs do not take the connections of requests', async () => {
    await using bed = await serve((request, reply) => {
      if (request.path === '/log') reply.begin();
      else reply.json(200, {});
    });
    const abort = new AbortController();
    const open = await Promise.all(
      Array.from({ length: 40 }, () => bed.client.stream('/log', { signal: abort.signal })),
    );
    await bed.client.get(POD, POD_REF);
    for (const { body } of open) body.on('error', () => {});
    abort.abort();
  });

  test('a stream hands out bytes as they come and ends with its signal', async () => {
    await using bed = await serve((_, reply) => {
      reply.begin();
      reply.write('one\n');
    });
    const abort = new AbortController();
    const { status, body } = await bed.client.stream('/log', { signal: abort.signal, query: { follow: true } });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of body) {
        seen.push(String(chunk));
        abort.abort(new Error('enough'));
      }
    })();
    await expect(reading).rejects.toThrow('enough');
    expect([status, seen]).toEqual([200, ['one\n']]);
  });

  test('closing the cluster ends what is open and refuses what comes later', async () => {
    const bed = await serve((_, reply) => reply.begin());
    const { body } = await bed.client.stream('/log', { signal: new AbortController().signal });
    const ended = new Promise((resolve) => body.once('error', resolve));
    await bed.cluster[Symbol.asyncDispose]();
    await ended;
    expect((await failure(bed.client.get(POD, POD_REF))).message).toContain('closed');
    await bed.server[Symbol.asyncDispose]();
  });
});
