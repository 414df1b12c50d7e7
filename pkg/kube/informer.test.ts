import { describe, expect, test, vi } from 'vitest';
import { type Clock, fakeClock } from '#pkg/runtime';
import {
  type Answerer,
  type ByteServer,
  byteServer,
  type Reply,
  rushedClock,
  type SeenRequest,
} from './byte-server.ts';
import { type Cluster, connectCluster } from './cluster.ts';
import { KubeError } from './errors.ts';
import type { Informer, InformerOptions } from './informer-interface.ts';
import { POD } from './resources.ts';
import type { Pod } from './types.ts';

interface Bed extends AsyncDisposable {
  readonly server: ByteServer;
  readonly cluster: Cluster;
  readonly informer: Informer<Pod>;
  /** Changes as text: `+a@1` added, `a@1>2` changed, `-a@2` deleted, a star for the first reading. */
  readonly changes: string[];
  readonly errors: string[];
}

interface BedOptions {
  /** Default: hurries. */
  readonly clock?: Clock;
  readonly informer?: InformerOptions<Pod>;
}

async function watching(answer: Answerer, { clock, informer: options }: BedOptions = {}): Promise<Bed> {
  const rushed = rushedClock();
  const server = await byteServer(answer);
  const cluster = connectCluster(
    { name: 'rome', server: server.url, auth: {} },
    { clock: clock ?? rushed, random: () => 0.5, freezeObjects: true },
  );
  const informer = cluster.informer(POD, options);
  const changes: string[] = [];
  const errors: string[] = [];
  informer.on((old, current, isInitial) => {
    const name = (current ?? old)?.metadata.name;
    const versions = [old, current].map((pod) => pod?.metadata.resourceVersion);
    let text = `${name}@${versions.join('>')}`;
    if (old === undefined) text = `+${name}@${versions[1]}`;
    if (current === undefined) text = `-${name}@${versions[0]}`;
    changes.push(text + (isInitial ? '*' : ''));
  });
  informer.onError((error) => errors.push(error instanceof KubeError ? error.code : String(error)));
  const abort = new AbortController();
  const ended = informer.run(abort.signal);
  return {
    server,
    cluster,
    informer,
    changes,
    errors,
    async [Symbol.asyncDispose]() {
      abort.abort(new Error('the test is over'));
      await ended;
      await cluster[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rushed[Symbol.asyncDispose]();
    },
  };
}

function pod(name: string, resourceVersion: string, more: object = {}): Pod {
  return {
    metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion, ...more },
  };
}

function list(resourceVersion: string, items: Pod[], continueToken?: string): object {
  return { kind: 'PodList', metadata: { resourceVersion, continue: continueToken }, items };
}

function isWatch(request: SeenRequest): boolean {
  return request.query.get('watch') === 'true';
}

/** A server that sends `initial` as a watch-list on the first request and holds the connection. */
function watchList(
  initial: Pod[],
  version: string,
  later: (reply: Reply, number: number, request: SeenRequest) => void = () => {},
): Answerer {
  return (request, reply, number) => {
    if (number > 1) return later(reply, number, request);
    reply.begin();
    for (const object of initial) reply.event('ADDED', object);
    reply.initialEnd(version);
    later(reply, number, request);
  };
}

const seen = (bed: Bed) =>
  bed.server.requests.map((request) =>
    isWatch(request)
      ? `watch ${request.query.get('resourceVersion') ?? 'all'}`
      : `list ${request.query.get('continue') ?? ''}`.trim(),
  );

describe('first reading', () => {
  test('comes as a watch and is complete at the bookmark that says so', async () => {
    await using bed = await watching(watchList([pod('a', '1'), pod('b', '2')], '7'));
    await bed.informer.synced;
    expect(bed.changes).toEqual(['+a@1*', '+b@2*']);
    expect(bed.informer.size).toBe(2);
    expect(bed.informer.get('shop/a')?.metadata.uid).toBe('uid-a');
    expect(bed.informer.lastContactMs).toBeGreaterThan(0);
    const query = Object.fromEntries(bed.server.requests[0]?.query ?? []);
    expect(query).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
    });
  });

  test('is not complete before that bookmark', async () => {
    let finish = () => {};
    await using bed = await watching((_, reply) => {
      reply.begin();
      reply.event('ADDED', pod('a', '1'));
      finish = () => reply.initialEnd('7');
    });
    await vi.waitUntil(() => bed.informer.size === 1);
    expect(bed.informer.isSynced).toBe(false);
    finish();
    await bed.informer.synced;
    expect(bed.informer.isSynced).toBe(true);
  });

  test('falls back to pages where the server refuses, and the next informer asks for pages at once', async () => {
    await using bed = await watching((request, reply) => {
      if (request.query.get('sendInitialEvents') === 'true') {
        reply.status(422, 'Invalid', 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch');
      } else if (isWatch(request)) reply.begin();
      else if (request.query.get('continue') === null) reply.json(200, list('9', [pod('a', '1')], 'more'));
      else reply.json(200, list('9', [pod('b', '2')]));
    });
    await bed.informer.synced;
    expect(bed.changes).toEqual(['+a@1*', '+b@2*']);
    expect(bed.informer.get('shop/b')).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
    await vi.waitUntil(() => bed.server.requests.length === 4);
    expect(seen(bed)).toEqual(['watch all', 'list', 'list more', 'watch 9']);
    expect(bed.errors).toEqual([]);

    const second = bed.cluster.informer(POD);
    const abort = new AbortController();
    const ended = second.run(abort.signal);
    await second.synced;
    expect(seen(bed)[4]).toBe('list');
    abort.abort();
    await ended;
  });

  test('falls back to pages where the server never sends the bookmark', async () => {
    await using bed = await watching((request, reply) => {
      if (isWatch(request)) {
        reply.begin();
        reply.event('ADDED', pod('a', '1'));
      } else reply.json(200, list('9', [pod('a', '1'), pod('b', '2')]));
    });
    await bed.informer.synced;
    expect(bed.changes).toEqual(['+a@1*', '+b@2*']);
    expect(seen(bed).slice(0, 2)).toEqual(['watch all', 'list']);
  });

  test('a 410 in the middle of the pages starts over and leaves nothing of the first list', async () => {
    let lists = 0;
    await using bed = await watching((request, reply) => {
      if (request.query.get('sendInitialEvents') === 'true') reply.status(400, 'BadRequest', 'unknown');
      else if (isWatch(request)) reply.begin();
      else if (request.query.get('continue') === null) {
        lists++;
        reply.json(200, lists === 1 ? list('5', [pod('gone', '1')], 'old') : list('9', [pod('a', '8')], 'new'));
      } else if (request.query.get('continue') === 'old') reply.status(410, 'Expired', 'too old');
      else reply.json(200, list('9', [pod('b', '9')]));
    });
    await bed.informer.synced;
    expect(bed.informer.list().map((object) => object.metadata.name)).toEqual(['a', 'b']);
    expect(bed.changes).toEqual(['+gone@1*', '+a@8*', '+b@9*', '-gone@1']);
    expect(bed.errors).toEqual(['Gone']);
  });

  test('a connection that breaks half-way is no list: it starts from the beginning', async () => {
    await using bed = await watching((_, reply, number) => {
      reply.begin();
      if (number === 1) {
        reply.event('ADDED', pod('gone', '1'));
        setTimeout(() => reply.socket.destroy(), 20);
      } else {
        reply.event('ADDED', pod('a', '2'));
        reply.initialEnd('7');
      }
    });
    await bed.informer.synced;
    expect(seen(bed)).toEqual(['watch all', 'watch all']);
    expect(bed.informer.list().map((object) => object.metadata.name)).toEqual(['a']);
  });

  // These three guard what a hostile peer can cost (PEER-32).
  test('more objects or bytes than allowed are cut off, and the cause is told', async () => {
    const many = (_request: SeenRequest, reply: Reply) => {
      reply.begin();
      for (let i = 0; i < 200; i++) reply.event('ADDED', pod(`p${i}`, String(i)));
    };
    await using count = await watching(many, { informer: { maxObjects: 100 } });
    await vi.waitUntil(() => count.errors.length > 0);
    expect([count.errors, count.informer.size, count.informer.isSynced]).toEqual([['TooLarge'], 100, false]);
    await using bytes = await watching(many, { informer: { maxBytes: 5_000 } });
    await vi.waitUntil(() => bytes.errors.length > 0);
    expect(bytes.errors).toEqual(['TooLarge']);
    expect(bytes.informer.size).toBeLessThan(60);
  });

  test('events that drip, and a line that never ends, are cut off', async () => {
    await using drip = await watching((_, reply) => {
      reply.begin();
      const timer = setInterval(() => reply.write('{'), 5);
      reply.socket.on('close', () => clearInterval(timer));
    });
    await vi.waitUntil(() => drip.errors.length > 0, { timeout: 15_000 });
    expect(drip.errors[0]).toBe('TooSlow');
    await using endless = await watching((_, reply) => {
      reply.begin();
      for (let i = 0; i < 5; i++) reply.write(Buffer.alloc(1024 * 1024, 0x20));
    });
    await vi.waitUntil(() => endless.errors.length > 0, { timeout: 15_000 });
    expect(endless.errors[0]).toBe('TooLarge');
  });

  test('a list that goes on for ever, object by object, ends after five minutes', async () => {
    const clock = fakeClock();
    let reply: Reply | undefined;
    await using bed = await watching(
      (_, it) => {
        reply ??= it;
        it.begin();
      },
      { clock },
    );
    await vi.waitUntil(() => reply !== undefined);
    let number = 0;
    while (bed.errors.length === 0 && number < 100) {
      // Large enough not to drip, often enough not to be silent.
      reply?.event('ADDED', pod('same', String(++number), { annotations: { padding: 'x'.repeat(20_000) } }));
      await vi.waitUntil(() => bed.changes.length === number || bed.errors.length > 0, { interval: 1 });
      await clock.advance(5_000);
    }
    expect([bed.errors, number * 5]).toEqual([['TooSlow'], 300]);
  });
});

describe('following', () => {
  test('changes and deletions arrive, and the object is the last state', async () => {
    await using bed = await watching(
      watchList([pod('a', '1')], '7', (reply) => {
        reply.event('MODIFIED', pod('a', '8'));
        reply.event('ADDED', pod('b', '9'));
        reply.event('DELETED', pod('a', '10'));
      }),
    );
    await vi.waitUntil(() => bed.changes.length === 4);
    expect(bed.changes).toEqual(['+a@1*', 'a@1>8', '+b@9', '-a@10']);
  });

  test('the next watch goes on at the last bookmark', async () => {
    await using bed = await watching(
      watchList([pod('a', '1')], '7', (reply, number) => {
        if (number > 1) return reply.begin();
        reply.event('MODIFIED', pod('a', '8'));
        reply.event('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '40' } });
        reply.end();
      }),
    );
    await vi.waitUntil(() => bed.server.requests.length === 2);
    expect(seen(bed)).toEqual(['watch all', 'watch 40']);
    expect(bed.errors).toEqual([]);
  });

  test('a reset, a half-closed and a torn connection lose nothing', async () => {
    await using bed = await watching(
      watchList([pod('a', '1')], '7', (reply, number) => {
        if (number > 1) reply.begin();
        if (number === 1) setTimeout(() => reply.socket.resetAndDestroy(), 10);
        if (number === 2) {
          reply.event('MODIFIED', pod('a', '8'));
          setTimeout(() => reply.socket.end(), 10); // half-close: no last chunk
        }
        if (number === 3) {
          reply.write('{"type":"MODIFIED","object":{"metadata":{"na');
          reply.end(); // a good end of HTTP in the middle of an event
        }
        if (number === 4) reply.event('MODIFIED', pod('a', '9'));
      }),
    );
    await vi.waitUntil(() => bed.changes.length === 3, { timeout: 15_000 });
    expect(bed.changes).toEqual(['+a@1*', 'a@1>8', 'a@8>9']);
    expect(seen(bed)).toEqual(['watch all', 'watch 7', 'watch 8', 'watch 8']);
    expect(bed.errors).toEqual(['Unreachable', 'Unreachable', 'Unreachable']);
  });

  test.each(['as an event', 'as an answer'])('a 410 %s lists again and finds what was missed', async (how) => {
    await using bed = await watching(
      watchList([pod('a', '1'), pod('b', '2')], '7', (reply, number) => {
        if (number === 1) reply.end();
        else if (number === 2 && how === 'as an answer') reply.status(410, 'Expired', 'too old');
        else {
          reply.begin();
          if (number === 2) {
            reply.event('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
          } else {
            reply.event('ADDED', pod('b', '20'));
            reply.event('ADDED', pod('c', '21'));
            reply.initialEnd('30');
          }
        }
      }),
    );
    await vi.waitUntil(() => bed.changes.length === 5, { timeout: 15_000 });
    expect(bed.changes).toEqual(['+a@1*', '+b@2*', 'b@2>20', '+c@21', '-a@1']);
    expect(seen(bed)).toEqual(['watch all', 'watch 7', 'watch all']);
    expect(bed.errors).toEqual(['Gone']);
  });

  test('while it lists again the old objects stay readable', async () => {
    await using bed = await watching(
      watchList([pod('a', '1')], '7', (reply, number) => {
        if (number === 1) reply.end();
        else if (number === 2) reply.status(410, 'Expired', 'too old');
        else reply.begin();
      }),
    );
    await vi.waitUntil(() => bed.server.requests.length === 3);
    expect([bed.informer.isSynced, bed.informer.size]).toEqual([true, 1]);
  });

  test('a 429 is not asked again before Retry-After', async () => {
    const clock = fakeClock();
    await using bed = await watching(
      (_, reply, number) => {
        if (number === 1) return reply.status(429, 'TooManyRequests', 'later', { 'retry-after': '10' });
        reply.begin();
        reply.initialEnd('7');
      },
      { clock },
    );
    await vi.waitUntil(() => bed.errors.length === 1);
    await clock.advance(10_000);
    expect(bed.server.requests.length).toBe(1);
    await clock.advance(2_000);
    await bed.informer.synced;
    expect(bed.errors).toEqual(['TooManyRequests']);
  });

  test('a version that the server refuses again and again is given up for a list', async () => {
    await using bed = await watching(
      watchList([pod('a', '1')], '7000', (reply, number, request) => {
        if (number === 1) reply.end();
        else if (request.query.get('resourceVersion') === '7000') {
          reply.status(504, 'Timeout', 'Too large resource version: 7000, current: 12');
        } else {
          reply.begin();
          reply.initialEnd('12');
        }
      }),
    );
    await vi.waitUntil(() => seen(bed).filter((text) => text === 'watch all').length === 2, { timeout: 15_000 });
    await vi.waitUntil(() => bed.informer.size === 0);
    expect(bed.changes).toEqual(['+a@1*', '-a@1']);
  });

  test('a watch that says nothing is replaced when its time is long over, or when bookmarks stay away', async () => {
    const clock = fakeClock();
    await using bed = await watching(
      watchList([], '7', (reply, number) => {
        if (number > 1) reply.begin();
      }),
      { clock },
    );
    await bed.informer.synced;
    const before = bed.informer.lastContactMs;
    await clock.advance(180_000); // bookmarks come every minute, and there was one
    expect(bed.errors).toEqual([]);
    await clock.advance(5_000);
    expect(bed.errors).toEqual(['Unreachable']);
    await clock.advance(5_000);
    await vi.waitUntil(() => bed.informer.lastContactMs > before); // the second watch is open
    const timeoutMs = Number(bed.server.requests[1]?.query.get('timeoutSeconds')) * 1_000;
    expect(timeoutMs).toBe(450_000); // the middle of 300 to 600 s
    await clock.advance(timeoutMs + 20_000); // without a bookmark nothing is known of them
    expect(bed.errors.length).toBe(1);
    await clock.advance(15_000);
    expect(bed.errors).toEqual(['Unreachable', 'Unreachable']);
    expect(seen(bed).slice(0, 2)).toEqual(['watch all', 'watch 7']);
  });

  test('rubbish instead of events is an error, and the watch goes on', async () => {
    await using bed = await watching(
      watchList([], '7', (reply, number) => {
        if (number > 1) reply.begin();
        if (number === 1) reply.write('this is not json\n');
        else if (number === 2) reply.event('DANCED', pod('a', '8'));
        else if (number === 3) reply.event('ADDED', null);
        else reply.event('ADDED', pod('a', '9'));
      }),
    );
    await vi.waitUntil(() => bed.informer.size === 1, { timeout: 10_000 });
    expect(bed.errors).toEqual(['Malformed', 'Malformed', 'Malformed']);
  });

  test('waits no longer than needed: another request that gets through wakes it', async () => {
    const server = await byteServer(watchList([], '7'));
    const port = server.port;
    const cluster = connectCluster({ name: 'rome', server: server.url, auth: {} }, { random: () => 1 });
    const informer = cluster.informer(POD);
    const abort = new AbortController();
    const ended = informer.run(abort.signal);
    await informer.synced;
    await server[Symbol.asyncDispose]();
    await new Promise<void>((resolve) => informer.onError(() => resolve()));
    // From here on its own back-off would be seconds (random is at its upper end).
    await using again = await byteServer((request, reply) => {
      if (isWatch(request)) reply.begin();
      else reply.json(200, {});
    }, port);
    await cluster.client.version();
    await vi.waitUntil(() => again.requests.some(isWatch), { timeout: 1_500 });
    abort.abort();
    await ended;
    await cluster[Symbol.asyncDispose]();
  });
});

describe('objects', () => {
  test('lose managedFields and last-applied, keep what nobody knows, and cannot be changed', async () => {
    const received = {
      ...pod('a', '1', {
        managedFields: [{ manager: 'kubectl' }],
        annotations: JSON.parse('{"kubectl.kubernetes.io/last-applied-configuration":"{}","__proto__":"kept"}'),
      }),
      brandNew: true,
    };
    await using bed = await watching(watchList([received], '7'));
    await bed.informer.synced;
    const object = bed.informer.get('shop/a');
    expect(JSON.stringify(object)).toBe(
      '{"metadata":{"name":"a","namespace":"shop","uid":"uid-a","resourceVersion":"1","annotations":{"__proto__":"kept"}},"brandNew":true}',
    );
    expect(() => {
      if (object !== undefined) object.metadata.name = 'other';
    }).toThrow('read only');
  });

  test('are found by index and made smaller by a transform', async () => {
    await using bed = await watching(watchList([pod('a', '1', { labels: { app: 'x' } }), pod('b', '2')], '7'), {
      informer: {
        indexes: { app: (object) => Object.values(object.metadata.labels ?? {}) },
        transform: (object) => ({ ...object, metadata: { ...object.metadata, annotations: { seen: 'yes' } } }),
      },
    });
    await bed.informer.synced;
    expect(bed.informer.byIndex('app', 'x').map((object) => object.metadata.name)).toEqual(['a']);
    expect(bed.informer.get('shop/b')?.metadata.annotations).toEqual({ seen: 'yes' });
  });

  test('are metadata only where that is asked for, also from a server that does not know how', async () => {
    await using bed = await watching(watchList([{ ...pod('a', '1'), spec: { containers: [] } }], '7'), {
      informer: { metadataOnly: true, namespace: 'shop', labelSelector: 'a=b', fieldSelector: 'spec.nodeName=x' },
    });
    await bed.informer.synced;
    expect(bed.informer.get('shop/a')).toEqual({ apiVersion: 'v1', kind: 'Pod', ...pod('a', '1') });
    const [request] = bed.server.requests;
    expect(request?.headers['accept']).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
    expect(request?.path).toBe('/api/v1/namespaces/shop/pods');
    expect([request?.query.get('labelSelector'), request?.query.get('fieldSelector')]).toEqual([
      'a=b',
      'spec.nodeName=x',
    ]);
  });
});

describe('handlers', () => {
  test('one that comes later is told what is there, and hears nothing after it left', async () => {
    let reply: Reply | undefined;
    await using bed = await watching(watchList([pod('a', '1')], '7', (it) => (reply = it)));
    await bed.informer.synced;
    const late: string[] = [];
    const registration = bed.informer.on((_old, current, isInitial) =>
      late.push(`${current?.metadata.name} ${isInitial}`),
    );
    expect(late).toEqual(['a true']);
    reply?.event('ADDED', pod('b', '8'));
    await vi.waitUntil(() => late.length === 2);
    registration[Symbol.dispose]();
    reply?.event('ADDED', pod('c', '9'));
    await vi.waitUntil(() => bed.informer.size === 3);
    expect(late).toEqual(['a true', 'b false']);
  });

  test('one that throws is reported and stops nobody else', async () => {
    let reply: Reply | undefined;
    await using bed = await watching(watchList([], '7', (it) => (reply = it)));
    await bed.informer.synced;
    bed.informer.on(() => {
      throw new Error('broken handler');
    });
    reply?.event('ADDED', pod('a', '8'));
    await vi.waitUntil(() => bed.errors.length === 1);
    expect(bed.errors).toEqual(['Error: broken handler']);
    expect(bed.changes).toEqual(['+a@8']);
  });
});

describe('the end', () => {
  test('an informer that was never synced tells those who wait', async () => {
    const bed = await watching((_, reply) => reply.begin());
    const synced = bed.informer.synced;
    await bed[Symbol.asyncDispose]();
    await expect(synced).rejects.toThrow('the test is over');
  });

  test('closing the cluster ends the informer, and one runs only once', async () => {
    const server = await byteServer(watchList([], '7'));
    const cluster = connectCluster({ name: 'rome', server: server.url, auth: {} });
    const informer = cluster.informer(POD);
    const { signal } = new AbortController();
    const ended = informer.run(signal);
    await informer.synced;
    await expect(informer.run(signal)).rejects.toThrow('started twice');
    await cluster[Symbol.asyncDispose]();
    await ended;
    await server[Symbol.asyncDispose]();
  });
});

describe('a stream of which nothing is kept', () => {
  test('hands on what comes, and all of it again after a list that had to be read anew', async () => {
    const events = (reply: Reply) => {
      reply.event('ADDED', pod('b', '8'));
      reply.event('MODIFIED', pod('b', '9'));
      reply.event('DELETED', pod('b', '10'));
    };
    const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    await using bed = await watching(
      (_, reply, number) => {
        reply.begin();
        reply.event('ADDED', pod('a', '1'));
        reply.initialEnd('7');
        events(reply);
        if (number === 1) reply.event('ERROR', gone as unknown as Pod);
      },
      { informer: { keep: false, maxObjects: 1 } },
    );
    const once = ['+a@1', '+b@8', '+b@9'];
    await vi.waitUntil(() => bed.changes.length === 6);
    expect(bed.changes).toEqual(['+a@1*', ...once.slice(1), ...once]);
    expect([bed.informer.size, bed.informer.get('shop/b')]).toEqual([0, undefined]);
    expect(bed.errors).toEqual(['Gone']);
  });
});
