// Two goroutines take the same two locks. On order they take them crosswise, and wait for each other, while others live on, so that
// the check for deadlocks of Go itself sees nothing.
package main

import (
	"flag"
	"net"
	"os"
	"sync"
	"time"
)

var (
	trigger  = flag.String("trigger", "", "file whose appearance is the order to hang")
	after    = flag.Float64("after-ms", 0, "hang after this time; 0 for never")
	interval = flag.Float64("interval-ms", 50, "between two units of work")
	_        = flag.String("folder", ".", "for files of the service")
)

var accounts, ledger sync.Mutex

func main() {
	flag.Parse()
	due := time.Now().Add(milliseconds(*after))
	link := connect()
	wanted := make(chan struct{})
	go reportLoad()
	go transferBack(wanted)
	say(link, "READY=1\n")
	for {
		transferThere(isDue(due), wanted)
		say(link, "WATCHDOG=1\n")
		time.Sleep(milliseconds(*interval))
	}
}

func transferThere(hang bool, wanted chan struct{}) {
	accounts.Lock()
	defer accounts.Unlock()
	if hang {
		wanted <- struct{}{}
		<-wanted
	}
	ledger.Lock()
	ledger.Unlock()
}

func transferBack(wanted chan struct{}) {
	<-wanted
	ledger.Lock()
	defer ledger.Unlock()
	wanted <- struct{}{}
	accounts.Lock()
	accounts.Unlock()
}

// What keeps the runtime alive in most services: a timer.
func reportLoad() {
	for range time.Tick(time.Second) {
	}
}

func isDue(due time.Time) bool {
	if *trigger != "" && os.Remove(*trigger) == nil {
		return true
	}
	return *after > 0 && time.Now().After(due)
}

func milliseconds(count float64) time.Duration {
	return time.Duration(count * float64(time.Millisecond))
}

func connect() net.Conn {
	path := os.Getenv("HANGDOG_SOCKET")
	if path == "" {
		return nil
	}
	link, err := net.Dial("unix", path)
	if err != nil {
		return nil
	}
	say(link, "HANGDOG_TOKEN="+os.Getenv("HANGDOG_TOKEN")+"\n")
	return link
}

// When hangdog does not read, a beat is dropped.
func say(link net.Conn, line string) {
	if link == nil {
		return
	}
	link.SetWriteDeadline(time.Now().Add(time.Second))
	link.Write([]byte(line))
}
