// WireGuard in userspace as upstream's own program runs it in the foreground, with one thing more: it tells how many
// packets it refused because their source is not one of the peer's.
//
//	wireguard-go -f DEVICE
//
// Errors are lines on standard output. Refusals are lines `refused-source peer(AbCd…wXyZ) COUNT`, the sum since the start,
// at most one a second and peer: whoever floods us must not flood our log.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/ipc"
	"golang.zx2c4.com/wireguard/tun"
)

// What the library logs, at its most talkative level, for each packet that it refuses.
const refusal = "packet with disallowed source address from %v"

// Peers are few. More names than this would be those of peers long gone.
const maxPeers = 4096

// Sums of refused packets by peer, and which of them were not told yet.
type refusals struct {
	mutex  sync.Mutex
	counts map[string]uint64
	untold map[string]bool
}

func (r *refusals) add(peer string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if _, known := r.counts[peer]; !known && len(r.counts) >= maxPeers {
		return
	}
	r.counts[peer]++
	r.untold[peer] = true
}

// Lines to print now. Printing itself may block and happens without the lock.
func (r *refusals) lines() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var lines []string
	for peer := range r.untold {
		lines = append(lines, fmt.Sprintf("refused-source %s %d", peer, r.counts[peer]))
	}
	clear(r.untold)
	return lines
}

func (r *refusals) tell(every time.Duration) {
	for range time.Tick(every) {
		for _, line := range r.lines() {
			fmt.Println(line)
		}
	}
}

func run(name string) error {
	refused := &refusals{counts: map[string]uint64{}, untold: map[string]bool{}}
	link, err := tun.CreateTUN(name, device.DefaultMTU)
	if err != nil {
		return fmt.Errorf("create TUN device: %w", err)
	}
	wireguard := device.NewDevice(link, conn.NewDefaultBind(), &device.Logger{
		Verbosef: func(format string, args ...any) {
			if strings.HasSuffix(format, refusal) && len(args) == 1 {
				refused.add(fmt.Sprint(args[0]))
			}
		},
		Errorf: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
	})
	defer wireguard.Close()
	file, err := ipc.UAPIOpen(name)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	socket, err := ipc.UAPIListen(name, file)
	if err != nil {
		return fmt.Errorf("listen on socket: %w", err)
	}
	defer socket.Close()
	failed := make(chan error, 1)
	go func() {
		for {
			connection, err := socket.Accept()
			if err != nil {
				failed <- fmt.Errorf("accept on socket: %w", err)
				return
			}
			go wireguard.IpcHandle(connection)
		}
	}()
	go refused.tell(time.Second)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGTERM, os.Interrupt)
	select {
	case <-ended:
	case <-wireguard.Wait():
	case err = <-failed:
	}
	return err
}

func main() {
	if len(os.Args) != 3 || os.Args[1] != "-f" {
		fmt.Println("usage: wireguard-go -f DEVICE")
		os.Exit(2)
	}
	if err := run(os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
