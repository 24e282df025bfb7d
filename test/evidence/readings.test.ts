import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { parseInspectOptions } from '../../src/evidence/inspector-port.js'
import { parseListeners } from '../../src/evidence/listening-port.js'
import { parseFields, readWithin } from '../../src/evidence/proc-file.js'
import { parseSyscall } from '../../src/evidence/syscall-name.js'

t.test('a line of /proc/PID/syscall is decoded by architecture', async (t) => {
  const line = '0 0x3 0x7f0000001000 0x20000 0x0 0x0 0x0 0x7ffc8a4b26d8 0x7fbd199fc2ad\n'
  t.match(parseSyscall(line, 'x64'), { kind: 'call', name: 'read', fd: 3 })
  t.match(parseSyscall(line.replace(/^0 /, '63 '), 'arm64'), { kind: 'call', name: 'read', fd: 3 })
  t.match(parseSyscall(line.replace(/^0 /, '9999 '), 'x64'), { kind: 'call', name: 'system call 9999' })
  t.match(parseSyscall(line, 'riscv64'), { kind: 'call', name: 'system call 0' })
  t.match(parseSyscall(line.replace('0 0x3', '257 0xffffff9c'), 'x64'), {
    kind: 'call',
    name: 'openat',
    pathAddress: 0x7f0000001000,
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
