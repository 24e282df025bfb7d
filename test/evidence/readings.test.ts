import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { flagNames, openFlags } from '../../src/evidence/argument-names.js'
import { countProcesses, parseStat } from '../../src/evidence/busiest-processes.js'
import { measureCpuLoad, parseCpuTimes } from '../../src/evidence/cpu-load.js'
import { findLockWaits } from '../../src/evidence/file-lock-holder.js'
import { parseInspectOptions } from '../../src/evidence/inspector-port.js'
import { parseLimits } from '../../src/evidence/listen-queue.js'
import { parseListeners } from '../../src/evidence/listening-port.js'
import { findMount, hasServer, parseMounts } from '../../src/evidence/mount.js'
import { parseFields, readWithin } from '../../src/evidence/proc-file.js'
import { parseKernelAddress } from '../../src/evidence/socket-address.js'
import { parseNetworkSocket } from '../../src/evidence/socket-table.js'
import { parseSyscall } from '../../src/evidence/syscall-name.js'
import { parseUnixPeer } from '../../src/evidence/unix-peer.js'

t.test('a line of /proc/PID/syscall is decoded by architecture', async (t) => {
  const line = '0 0x3 0x7f0000001000 0x20000 0x0 0x0 0x0 0x7ffc8a4b26d8 0x7fbd199fc2ad\n'
  t.match(parseSyscall(line, 'x64'), { kind: 'call', name: 'read', fd: 3 })
  t.match(parseSyscall(line.replace(/^0 /, '63 '), 'arm64'), { kind: 'call', name: 'read', fd: 3 })
  t.match(parseSyscall(line.replace(/^0 /, '9999 '), 'x64'), { kind: 'call', name: 'system call 9999' })
  t.match(parseSyscall(line, 'riscv64'), { kind: 'call', name: 'system call 0' })
  t.match(parseSyscall(line.replace('0 0x3', '257 0xffffff9c'), 'x64'), {
    kind: 'call',
    name: 'openat',
    pathAddress: 0x7f0000001000n,
  })
  t.strictSame(parseSyscall('running\n', 'x64'), { kind: 'running' })
  t.strictSame(parseSyscall('-1 0x7ffc 0x7fbd\n', 'x64'), { kind: 'no-call' })
  t.equal(parseSyscall('', 'x64'), undefined)
  t.equal(parseSyscall('garbage here', 'x64'), undefined)
})

t.test('listeners are read from the kernel table, connections are not', async (t) => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 6012 1 0 100 0 0 10 0',
    '   1: 0100007F:240D 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 6013 1 0 100 0 0 10 0',
  ].join('\n')
  t.strictSame(parseListeners(table), [{ host: '127.0.0.1', port: 9229, inode: '6012' }])
})

t.test('inspector options are read as Node reads them', async (t) => {
  const cases: [string, boolean, number][] = [
    ['node app.js', false, 9229],
    ['node --inspect app.js', true, 9229],
    ['node --inspect=0.0.0.0:4000 app.js', true, 4000],
    ['node --inspect=127.0.0.1:0 app.js', true, 0],
    ['node --inspect-port=0 app.js', false, 0],
    ['node --inspect-port 4001 app.js', false, 4001],
    ['node --inspect-brk=4002 app.js', true, 4002],
    ['--import file:///srv/hangdog/dist/heartbeat/register.js node app.js', false, 0],
    ['node --import=hangdog/register app.js', false, 0],
    ['--import file:///srv/hangdog/dist/heartbeat/register.js node --inspect app.js', true, 9229],
    ['node --inspector-like app.js', false, 9229],
  ]
  for (const [line, active, port] of cases) t.strictSame(parseInspectOptions(line.split(' ')), { active, port }, line)
})

t.test(
  'a reading that the kernel holds is given up in time, and readings that wait for its place as well',
  async (t) => {
    let release = (): void => {}
    const held = new Promise<string>((resolve) => {
      release = () => resolve('late')
    })
    const results = await Promise.all([
      readWithin(() => held, 50),
      readWithin(() => held, 50),
      readWithin(async () => 'third', 50),
    ])
    for (const result of results) t.match(result, { kind: 'unreadable', reason: /did not answer within 50 ms/ })
    release()
    await delay(0)
    t.strictSame(await readWithin(async () => 'free again'), { kind: 'read', value: 'free again' })
  },
)

t.test('only the fields asked for are kept', async (t) => {
  t.strictSame(parseFields('Name:\tx\nState:\tS (sleeping)\nOther:\t1\nno colon\n', ['Name', 'State']), {
    Name: 'x',
    State: 'S (sleeping)',
  })
})

t.test('an address of the kernel is written as people do', async (t) => {
  const cases: [string, string | undefined][] = [
    ['0100007F:1F90', '127.0.0.1:8080'],
    ['00000000000000000000000001000000:0050', '[::1]:80'],
    ['0000000000000000FFFF00000100007F:0050', '127.0.0.1:80'],
    ['B80D01200000000067452301EFCDAB89:01BB', '[2001:db8::123:4567:89ab:cdef]:443'],
    ['local_address', undefined],
    ['0100007F', undefined],
  ]
  for (const [given, expected] of cases) t.equal(parseKernelAddress(given)?.text, expected, given)
})

t.test('a line of /proc/net/tcp tells queues, retransmits and the timer', async (t) => {
  const line =
    '  12: 0100007F:9D78 0200000A:0050 01 0000002A:00000007 01:00000190 00000005  1000        2 99 2 0 20 4 0 10 -1'
  t.strictSame(parseNetworkSocket(line, 'tcp'), {
    kind: 'tcp',
    inode: '99',
    local: '127.0.0.1:40312',
    remote: '10.0.0.2:80',
    state: 'ESTABLISHED',
    unacknowledged: 42,
    unread: 7,
    retransmits: 5,
    timer: 'retransmit',
    unanswered: 2,
  })
  t.match(parseNetworkSocket(line.replace(' 01:', ' 04:'), 'tcp'), { timer: 'window-probe' })
  t.equal(parseNetworkSocket('  sl  local_address rem_address   st tx_queue', 'tcp'), undefined)
  t.equal(parseNetworkSocket('', 'udp'), undefined)
})

t.test('who waits for a lock stands below who holds it', async (t) => {
  const locks = [
    '1: POSIX  ADVISORY  WRITE 17 fe:00:21 0 EOF',
    '1: -> POSIX  ADVISORY  READ 18 fe:00:21 0 EOF',
    '1:  -> POSIX  ADVISORY  WRITE 19 fe:00:21 0 9',
    '2: FLOCK  ADVISORY  WRITE 18 fe:00:22 0 EOF',
    '3: OFDLCK ADVISORY  READ -1 fe:00:23 201 201',
    '3: -> OFDLCK ADVISORY  WRITE 20 fe:00:23 201 201',
  ].join('\n')
  t.strictSame(findLockWaits(locks, 18), [{ kind: 'POSIX', mode: 'read', file: 'fe:00:21', holder: 17 }])
  t.strictSame(findLockWaits(locks, 19), [{ kind: 'POSIX', mode: 'write', file: 'fe:00:21', holder: 17 }])
  t.strictSame(findLockWaits(locks, 20), [{ kind: 'OFD', mode: 'write', file: 'fe:00:23', holder: -1 }])
  t.strictSame(findLockWaits(locks, 17), [])
  t.strictSame(findLockWaits('garbage\n-> here', 17), [])
})

t.test('a path is found in the mount it lies in', async (t) => {
  const mounts = parseMounts(
    [
      '25 1 254:0 / / rw - ext4 /dev/vda rw',
      '86 25 0:39 / /mnt/a\\040b rw,relatime shared:4 - fuse.sshfs host:/x rw,user_id=0',
      '87 25 0:40 / /mnt rw - nfs4 server:/y rw',
      'not a mount',
    ].join('\n'),
  )
  t.match(findMount(mounts, '/mnt/a b/c'), { type: 'fuse.sshfs', source: 'host:/x', device: '0:39' })
  t.match(findMount(mounts, '/mnt/a'), { type: 'nfs4' })
  t.match(findMount(mounts, '/mnta'), { type: 'ext4' })
  t.equal(findMount([], '/x'), undefined)
  for (const type of ['nfs', 'nfs4', 'fuse', 'fuse.sshfs', 'cifs', '9p', 'ceph']) t.ok(hasServer(type), type)
  for (const type of ['ext4', 'tmpfs', 'fusectl', 'nfsd', 'autofs', 'overlay']) t.notOk(hasServer(type), type)
})

t.test('the lines of ss give the limit of a listener and the other end of a socket', async (t) => {
  const listeners = 'LISTEN 4 3 127.0.0.1:8080 0.0.0.0:* ino:4711 sk:1 cgroup:/ <->\nLISTEN x\n'
  t.strictSame([...parseLimits(listeners)], [['4711', 3]])
  const sockets = 'u_str ESTAB 0 0 * 11 * 12\nu_str ESTAB 0 0 /run/a b.sock 21 * 22\nu_str LISTEN 0 9 /run/x 31 * 0\n'
  t.strictSame(parseUnixPeer(sockets, '11'), { inode: '12', path: '' })
  t.strictSame(parseUnixPeer(sockets, '21'), { inode: '22', path: '' })
  t.equal(parseUnixPeer(sockets, '31'), undefined)
  t.equal(parseUnixPeer('', '1'), undefined)
})

t.test('values are named as their manual pages do', async (t) => {
  t.equal(flagNames('flock', 6), 'LOCK_EX|LOCK_NB')
  t.equal(flagNames('fcntl', 7), 'F_SETLKW')
  t.equal(flagNames('futex', 9), 'WAIT_BITSET')
  t.equal(flagNames('message', 0), '0')
  t.equal(flagNames('message', 0x108), 'MSG_WAITALL|0x8')
  t.equal(openFlags(0o2000000), 'O_RDONLY|O_CLOEXEC')
  t.equal(openFlags(0o101), 'O_WRONLY|O_CREAT')
  t.equal(openFlags(2), 'O_RDWR')
})

t.test('the times of the processors are read, idle and waiting apart', async (t) => {
  const times = parseCpuTimes('cpu  10 1 5 100 20 1 2 3 9 9\ncpu0 5 0 2 50 10 0 1 1 0 0\nintr 99\n')
  t.strictSame(
    [...times],
    [
      ['cpu', { busy: 22, all: 142 }],
      ['cpu0', { busy: 9, all: 69 }],
    ],
  )
})

t.test('a process that works is counted among the busiest, and its processor as busy', async (t) => {
  const burner = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  t.teardown(() => burner.kill('SIGKILL'))
  await delay(300)
  const { all, top } = await countProcesses()
  t.ok(all > 2)
  t.match(
    top.find(({ pid }) => pid === burner.pid),
    { name: 'node', cpuPercent: Number, rssKiB: Number },
  )
  const load = await measureCpuLoad()
  t.ok(load.percent > 0 && load.percent <= 100)
  t.ok(load.byCpu.length > 0)
})

t.test('a line about a process is read whatever its name is', async (t) => {
  const rest = Array.from({ length: 49 }, (_, place) => String(place)).join(' ')
  const seen = parseStat(`77 (a) b (c) R ${rest}\n`)
  t.strictSame(seen, { pid: 77, name: 'a) b (c', state: 'R', ticks: 10 + 11, rssKiB: 80 })
  t.equal(parseStat(''), undefined)
})
