import t from 'tap'
import { LineReader } from '../../src/heartbeat/line-reader.js'
import { countBeatLines, type Line, longestLine, parseLine, parseToken } from '../../src/heartbeat/protocol.js'

const sign = (said: object): object => ({ kind: 'sign', sign: said })

t.test('each known line is read', (t) => {
  const lines: Record<string, object> = {
    'WATCHDOG=1': { kind: 'beat' },
    'WATCHDOG=trigger': sign({ kind: 'trigger' }),
    'READY=1': sign({ kind: 'ready' }),
    'STOPPING=1': sign({ kind: 'stopping' }),
    'RELOADING=1': sign({ kind: 'reloading' }),
    'STATUS=42 % = done': sign({ kind: 'status', text: '42 % = done' }),
    'STATUS=a\u001b[31mb': sign({ kind: 'status', text: 'a [31mb' }),
    'WATCHDOG_USEC=1500000': sign({ kind: 'limit', limit: 1500 }),
    'WATCHDOG_USEC=20000': sign({ kind: 'limit', limit: 20 }),
    'WATCHDOG_USEC=4294967295000000': sign({ kind: 'limit', limit: 4294967295000 }),
    'EXTEND_TIMEOUT_USEC=500': sign({ kind: 'extend', span: 0.5 }),
    'MAINPID=77': sign({ kind: 'main-process', pid: 77 }),
    'PID=78': { kind: 'speaker', pid: 78 },
    'HEARTBEAT=worker-3': { kind: 'channel-beat', channel: 'worker-3' },
    'HEARTBEAT=worker:3x': { kind: 'channel-beat', channel: 'worker:3x' },
    'HEARTBEAT=a:b:17': { kind: 'channel-beat', channel: 'a:b', progress: 17 },
    'HEARTBEAT=a:idle': sign({ kind: 'channel-idle', channel: 'a' }),
    'CHANNEL=a': sign({ kind: 'channel-opened', channel: 'a' }),
    'CHANNEL=a:250000': sign({ kind: 'channel-opened', channel: 'a', limit: 250 }),
    'CHANNEL_CLOSE=a': sign({ kind: 'channel-closed', channel: 'a' }),
    'X_LAG_MS=12': { kind: 'lag', lag: 12 },
    'X_HEAP=4194304:4345298944': { kind: 'heap', used: 4194304, limit: 4345298944 },
    'ERRNO=2': { kind: 'unknown' },
    'BARRIER=1': { kind: 'unknown' },
    'X_ANYTHING=': { kind: 'unknown' },
    '': { kind: 'unknown' },
  }
  for (const [line, expected] of Object.entries(lines)) t.strictSame(parseLine(line), expected, line)
  t.end()
})

t.test('a bad value is refused with its key', (t) => {
  const bad = [
    ...['0', '-1', '1.5', '1e6', ' 1000000', '19999', '4294967295000001', '99999999999999999', 'x', ''].map(
      (value) => `WATCHDOG_USEC=${value}`,
    ),
    ...['2', '', 'TRIGGER', '1 '].map((value) => `WATCHDOG=${value}`),
    ...['0', 'yes'].flatMap((value) => [`READY=${value}`, `STOPPING=${value}`, `RELOADING=${value}`]),
    ...['0', '-5', '2147483648', 'me'].flatMap((value) => [`MAINPID=${value}`, `PID=${value}`]),
    ...['', 'ä', 'a b', 'x'.repeat(65), 'a:9007199254740992'].map((value) => `HEARTBEAT=${value}`),
    ...['', 'a/b', 'a:19999'].map((value) => `CHANNEL=${value}`),
    'CHANNEL_CLOSE=',
    'EXTEND_TIMEOUT_USEC=-1',
    'X_LAG_MS=fast',
    ...['', '5', ':5', '5:', '-1:5', '5:6:7', '5:x'].map((value) => `X_HEAP=${value}`),
  ]
  for (const line of bad) t.strictSame(parseLine(line), { kind: 'bad', key: line.slice(0, line.indexOf('=')) }, line)
  t.equal(parseLine('no key').kind, 'bad')
  t.equal(parseLine('=1').kind, 'bad')
  t.end()
})

t.test('a token is only found in a token line', (t) => {
  t.equal(parseToken('HANGDOG_TOKEN=abc=d'), 'abc=d')
  t.equal(parseToken('HANGDOG_TOKEN='), '')
  t.equal(parseToken('WATCHDOG=1'), undefined)
  t.end()
})

t.test('beat lines are counted from any position, and only whole ones', (t) => {
  const beats = 'WATCHDOG=1\n'.repeat(3)
  t.equal(countBeatLines(Buffer.from(beats), 0), 3)
  t.equal(countBeatLines(Buffer.from(beats), 11), 2)
  t.equal(countBeatLines(Buffer.from(beats), 1), 0)
  t.equal(countBeatLines(Buffer.from(`${beats}WATCHDOG=1`), 0), 3)
  t.equal(countBeatLines(Buffer.from(`${beats}WATCHDOG=trigger\n`), 0), 3)
  t.equal(countBeatLines(Buffer.alloc(0), 0), 0)
  for (let at = 0; at < 11; at++) {
    const damaged = Buffer.from('WATCHDOG=1\n')
    damaged[at] = 0
    t.equal(countBeatLines(damaged, 0), 0, `byte ${at} counts`)
  }
  t.end()
})

function readAll(chunks: readonly Buffer[]): { lines: string[]; taken: number[] } {
  const lines: string[] = []
  const reader = new LineReader({
    beatsRead: (count) => lines.push(...Array<string>(count).fill('WATCHDOG=1')),
    lineRead: (line) => lines.push(line) > 0,
  })
  return { lines, taken: chunks.map((chunk) => reader.read(chunk)) }
}

t.test('the same lines come out wherever the stream is cut', (t) => {
  const text = Buffer.from('HANGDOG_TOKEN=t\nWATCHDOG=1\nWATCHDOG=1\nSTATUS=grün\n\nWATCHDOG=1\n')
  const expected = ['HANGDOG_TOKEN=t', 'WATCHDOG=1', 'WATCHDOG=1', 'STATUS=grün', '', 'WATCHDOG=1']
  const kinds = (lines: readonly string[]): Line['kind'][] => lines.map((line) => parseLine(line).kind)
  for (let cut = 0; cut <= text.length; cut++) {
    const { lines } = readAll([text.subarray(0, cut), text.subarray(cut)])
    t.strictSame(lines, expected, `cut at ${cut}`)
    t.strictSame(kinds(lines), kinds(expected))
  }
  t.strictSame(readAll([...text].map((byte) => Buffer.from([byte]))).lines, expected, 'byte by byte')
  t.end()
})

t.test('a line of the longest length passes, one byte more does not', (t) => {
  const longest = Buffer.from(`${'x'.repeat(longestLine)}\n`)
  t.strictSame(readAll([longest]).lines, ['x'.repeat(longestLine)])
  t.strictSame(readAll([longest.subarray(0, 5), longest.subarray(5)]).taken, [5, longestLine - 4])
  t.strictSame(readAll([Buffer.from(`${'x'.repeat(longestLine + 1)}\n`)]).taken, [-1])
  t.strictSame(readAll([Buffer.alloc(longestLine), Buffer.alloc(1)]).taken, [longestLine, -1], 'without any newline')
  t.end()
})

t.test('a listener can stop in the middle of a chunk', (t) => {
  const reader = new LineReader({ beatsRead: () => t.fail('read on'), lineRead: () => false })
  t.equal(reader.read(Buffer.from('A=1\nWATCHDOG=1\n')), 4)
  t.end()
})
