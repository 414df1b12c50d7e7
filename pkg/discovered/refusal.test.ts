import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressRefusal, ownPlaces } from './refusal.ts';

const own = ownPlaces({
  podRanges: ['10.244.0.0/16', 'not a range'],
  serviceRanges: ['10.96.0.0/16', 'fd00:96::/112'],
  anchorRange: '10.252.0.0/20',
  nodeAddresses: ['192.0.2.10', 'node-1', '2001:db8::10'],
  apiServers: ['192.0.2.1'],
  publishedAddresses: ['198.51.100.7:7443', '[2001:db8::7]:7443', 'lb.example.com:7443'],
});

describe('PEER-10 addresses that are never dialled', () => {
  test.each([
    ['127.0.0.1:7443', 'a loopback address'],
    ['127.8.9.10:7443', 'a loopback address'],
    ['[::1]:7443', 'a loopback address'],
    ['169.254.169.254:80', 'a link-local address'],
    ['[fe80::1]:7443', 'a link-local address'],
    ['0.0.0.0:7443', 'no address of a host'],
    ['[::]:7443', 'no address of a host'],
    ['255.255.255.255:7443', 'no address of a host'],
    ['224.0.0.251:5353', 'a multicast address'],
    ['[ff02::fb]:5353', 'a multicast address'],
    ['[::ffff:127.0.0.1]:7443', 'an IPv4 address in the form of an IPv6 one'],
    ['[::7f00:1]:7443', 'an IPv4 address in the form of an IPv6 one'],
    ['[64:ff9b::7f00:1]:7443', 'an IPv4 address in the form of an IPv6 one'],
    ['[2002:7f00:1::]:7443', 'an IPv4 address in the form of an IPv6 one'],
    ['10.96.0.1:443', 'in the range of our Services'],
    ['[fd00:96::1]:443', 'in the range of our Services'],
    ['10.244.3.4:7443', 'in the range of our pods'],
    ['10.252.0.1:7443', 'in our anchor range'],
    ['192.0.2.10:30443', 'a node of this cluster'],
    ['[2001:db8:0:0::10]:30443', 'a node of this cluster'],
    ['192.0.2.1:6443', 'our API server'],
    ['198.51.100.7:9', 'where we can be reached ourselves'],
    ['[2001:db8::7]:9', 'where we can be reached ourselves'],
    ['localhost:7443', 'not ADDRESS:PORT'],
    ['rome.example.com:7443', 'not ADDRESS:PORT'],
    ['010.0.0.1:7443', 'not ADDRESS:PORT'],
    ['[fe80::1%eth0]:7443', 'not ADDRESS:PORT'],
    ['203.0.113.5', 'not ADDRESS:PORT'],
    ['', 'not ADDRESS:PORT'],
    ['203.0.113.5:0', 'has no port'],
    ['203.0.113.5:65536', 'has no port'],
  ])('%s is %s', (address, why) => {
    expect(addressRefusal(address, own)).toContain(why);
  });

  test('others may be dialled, private ones too: that is where clusters are', () => {
    for (const address of ['203.0.113.5:7443', '10.0.0.5:1', '192.168.1.5:65535', '[2001:db8:5::5]:7443']) {
      expect(addressRefusal(address, own)).toBeUndefined();
    }
  });

  test('no text makes it throw, and none that is no address gets through', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.ipV4(),
          fc.ipV6(),
          fc.tuple(fc.string(), fc.nat()).map((p) => p.join(':')),
        ),
        (text) => {
          const why = addressRefusal(text, own);
          if (why === undefined) expect(text).toMatch(/^(\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:.]+\]):\d+$/);
        },
      ),
    );
  });
});
