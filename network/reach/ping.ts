import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Exchange } from './tcp.ts';

/** No ICMP can be sent from here: no program for it, or no right to. Trying again gives the same. */
export class PingImpossible extends Error {}

/** Exit code of the script where the kernel gives it no socket. */
const NO_SOCKET = 77;

/**
 * ICMP echo in Perl: Node has no sockets for it, and Debian's base has Perl always (perl-base is essential) but no `ping`.
 * First the kind of socket that needs no right (net.ipv4.ping_group_range), then the raw one, which needs NET_RAW. Each line
 * on standard input sends one request (RFC 792, RFC 4443); its answer writes one line.
 */
const SCRIPT = `
use strict; use Socket qw(:all);
my ($address, $size) = @ARGV;
my $six = $address =~ /:/;
my ($family, $protocol, $ask, $answer) = $six ? (AF_INET6, 58, 128, 129) : (AF_INET, 1, 8, 0);
my $to = $six ? pack_sockaddr_in6(0, inet_pton(AF_INET6, $address)) : pack_sockaddr_in(0, inet_aton($address));
my ($socket, $raw);
unless (socket($socket, $family, SOCK_DGRAM, $protocol)) {
  $raw = 1;
  unless (socket($socket, $family, SOCK_RAW, $protocol)) { print STDERR "$!"; exit ${NO_SOCKET}; }
}
connect($socket, $to) or die "$!\\n";
sub checksum {
  my $sum = 0;
  $sum += $_ for unpack('n*', $_[0] . (length($_[0]) % 2 ? "\\0" : ''));
  $sum = ($sum >> 16) + ($sum & 0xffff) while $sum >> 16;
  return ~$sum & 0xffff;
}
my $id = $$ & 0xffff;
my $sequence = 0;
$| = 1;
print "ready\\n";
while (<STDIN>) {
  $sequence++;
  my $packet = sub { pack('CCnnna*', $ask, 0, $_[0], $id, $sequence, 'x' x $size) };
  send($socket, $packet->(checksum($packet->(0))), 0) or die "$!\\n";
  while (1) {
    defined(recv($socket, my $reply, 65535, 0)) or die "$!\\n";
    # A raw IPv4 socket hands over the IP header too, and the answers to others.
    $reply = substr($reply, (ord($reply) & 15) * 4) if $raw && !$six;
    my ($type, undef, undef, $theirs, $number) = unpack('CCnnn', $reply);
    next if $type != $answer || $number != $sequence || ($raw && $theirs != $id);
    die "the answer has another length\\n" if length($reply) != $size + 8;
    last;
  }
  print "answered\\n";
}
`;

/**
 * One ICMP echo with `bytes` bytes of payload. The time includes about 0.1 ms of the pipe to the script.
 * @throws PingImpossible; an error where nothing answers before `signal` aborts
 */
export async function exchangePing(address: string, bytes: number, signal: AbortSignal): Promise<Exchange> {
  const child = spawn('perl', ['-e', SCRIPT, address, String(bytes)], { stdio: ['pipe', 'pipe', 'pipe'], signal });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-500);
  });
  child.stdin.on('error', () => undefined); // a script that has ended: its exit tells the story
  const failed = once(child, 'close').then(
    ([code]) => {
      if (code === NO_SOCKET) throw new PingImpossible(`no right to send ICMP here (${said})`);
      throw new Error(said.trim() || `perl ended with exit code ${code}`);
    },
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' ? new PingImpossible('the image has no perl, which sends ICMP') : error;
    },
  );
  failed.catch(() => undefined); // looked at by the races below; after them it has nothing more to tell
  try {
    await Promise.race([once(child.stdout, 'data', { signal }), failed]); // ready
    const startedMs = performance.now();
    child.stdin.write('\n');
    await Promise.race([once(child.stdout, 'data', { signal }), failed]);
    return { roundTripMs: performance.now() - startedMs };
  } finally {
    child.kill('SIGKILL');
  }
}
