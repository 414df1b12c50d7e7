import { describe, expect, test } from 'vitest';
import { mountsBelow } from './bed-down.ts';
import { bedFolder } from './bed-folder.ts';
import { parseCgroupMounts } from './cgroups.ts';
import { requireRoot } from './prerequisites.ts';

const HYBRID = `25 22 0:22 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:5 - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
28 25 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
29 25 0:23 / /elsewhere/cpu rw - cgroup cgroup rw,cpu,cpuacct
`;

describe('parseCgroupMounts', () => {
  test('finds each hierarchy once', () => {
    expect(parseCgroupMounts(HYBRID)).toEqual([
      { path: '/sys/fs/cgroup/cpu,cpuacct', type: 'cgroup', controllers: ['cpu', 'cpuacct'] },
      { path: '/sys/fs/cgroup/systemd', type: 'cgroup', controllers: ['name=systemd'] },
      { path: '/sys/fs/cgroup/unified', type: 'cgroup2', controllers: [] },
    ]);
  });
});

describe('mountsBelow', () => {
  test('lists what is below the folder, deepest first, and nothing beside it', () => {
    const mountinfo = `1 0 8:1 / / rw - ext4 /dev/vda rw
2 1 0:5 / /a/bed/one rw - tmpfs tmpfs rw
3 2 0:6 / /a/bed/one/two\\040words rw - tmpfs tmpfs rw
4 1 0:7 / /a/bedroom/x rw - tmpfs tmpfs rw
5 1 0:8 / /a/bed/gone//deleted rw - tmpfs tmpfs rw
`;
    expect(mountsBelow(mountinfo, '/a/bed')).toEqual(['/a/bed/gone', '/a/bed/one/two words', '/a/bed/one']);
  });
});

describe('bedFolder', () => {
  test('two folders share no name', () => {
    const [one, two] = [bedFolder('/src/a/.testbed'), bedFolder('/src/b/.testbed')];
    const names = [one, two].flatMap((bed) => [bed.bridgeNamespace, bed.hostLink]);
    expect(new Set(names).size).toBe(4);
  });

  test('the same folder written differently is the same bed', () => {
    expect(bedFolder('/src/a/../a/.testbed/')).toEqual(bedFolder('/src/a/.testbed'));
  });

  test('the name of the link fits into the 15 characters of Linux', () => {
    expect(bedFolder('/x').hostLink.length).toBeLessThanOrEqual(15);
  });
});

test('says that root is needed, and what to do', () => {
  expect(() => requireRoot('bring the test bed up', 1000)).toThrow(
    'bring the test bed up: this machine: network namespaces, cgroups and mounts need root; run the same command with sudo',
  );
});
