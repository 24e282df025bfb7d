import { runCommand } from '../platform/command.js'
import type { Collector } from './exhibit.js'
import type { Signaller } from './inspector-port.js'
import { debuggerArguments, findAttachRefusal, selectReason, undoStopSoon } from './native-stack.js'

/** Lines kept of the stacks. */
const lineLimit = 1500

/** Left of the limit for ending the debugger and looking after the service. */
const marginMs = 150

/** Goroutines that are read; a server can have a hundred thousand. */
const goroutineLimit = 400

/** Frames of each that are read. */
const frameLimit = 40

/**
 * What gdb's Python runs inside the debugger: walks the runtime's own list of goroutines and their frame pointers, which Go keeps on
 * x86-64 and arm64, and prints them in the form of Go's own dumps. Needs the debugging data that `go build` puts in, unless
 * `-ldflags=-w` leaves it out. A function whose callee was inlined into it is shown without a line. Names of fields: runtime2.go of Go 1.19 to 1.24.
 */
const script = `
import gdb, time
end = time.monotonic() + LIMIT
inferior = gdb.selected_inferior()
def number(value):
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value['value']
    return int(value)
def peek(address):
    return int.from_bytes(bytes(inferior.read_memory(address, 8)), 'little')
def functions(pc):
    block, found = gdb.block_for_pc(pc), []
    while block is not None and not block.is_global and not block.is_static:
        if block.function is not None:
            found.append(block.function)
        block = block.superblock
    return found
def show(pcs):
    for pc in pcs:
        line, inner = gdb.find_pc_line(pc), True
        for function in functions(pc):
            print('%s(...)' % function.name)
            if inner:
                print('\\t%s:%d' % (line.symtab.filename if line.symtab else '?', line.line))
            else:
                print('\\t%s' % function.symtab.filename)
            inner = False
def walk(pc, frame):
    pcs = [pc]
    try:
        for _ in range(FRAMES):
            if frame == 0:
                break
            pc, above = peek(frame + 8), peek(frame)
            if pc == 0:
                break
            pcs.append(pc - 1)
            if above <= frame:
                break
            frame = above
    except gdb.error:
        pass
    return pcs
def by_thread():
    found = {}
    for thread in inferior.threads():
        thread.switch()
        pcs, frame = [], gdb.newest_frame()
        while frame is not None and len(pcs) < FRAMES:
            pcs.append(frame.pc() - (1 if pcs else 0))
            frame = frame.older()
        found[thread.ptid[1]] = pcs
    return found
states = {0: 'idle', 1: 'runnable', 2: 'running', 3: 'syscall', 4: 'waiting', 8: 'copystack', 9: 'preempted'}
count = number(gdb.parse_and_eval("'runtime.allglen'"))
every = gdb.parse_and_eval("'runtime.allgptr'")
reasons = gdb.parse_and_eval("'runtime.waitReasonStrings'")
threads = by_thread()
shown = 0
for index in range(count):
    if shown == GOROUTINES or time.monotonic() > end:
        print('and %d more goroutines were not read' % (count - index))
        break
    try:
        g = every[index].dereference()
        status = number(g['atomicstatus']) & 0xfff
        if status == 6 or status == 0:
            continue
        state, m = states.get(status, 'state %d' % status), int(g['m'])
        tid = number(g['m'].dereference()['procid']) if m != 0 else 0
        if status == 4:
            reason = reasons[number(g['waitreason'])]
            state = reason['str'].string(length=int(reason['len']))
        sched = g['sched']
        own = status in (2, 3) and tid in threads
        print('goroutine %d [%s%s]:' % (number(g['goid']), state, ', thread %d' % tid if tid else ''))
        show(threads[tid] if own else walk(int(sched['pc']), int(sched['bp'])))
        creators = functions(int(g['gopc']) - 1) if int(g['gopc']) else []
        if creators:
            print('created by %s' % creators[-1].name)
        shown += 1
    except gdb.error as error:
        print('a goroutine cannot be read: %s' % error)
`

/**
 * Takes the stacks of all goroutines of a Go program with gdb, which stops it for some tenths of a second and does not end it as
 * Go's own dump by SIGQUIT does.
 */
export function createGoStackCollector(platform: Signaller): Collector {
  return {
    name: 'go-stack',
    collect: async ({ subject }, limit) => {
      const refusal = await findAttachRefusal(subject.pid)
      if (refusal !== undefined) return { kind: 'missing', reason: refusal }
      const timeoutMs = Math.max(1, limit - marginMs)
      const args = [
        ...debuggerArguments,
        '-p',
        String(subject.pid),
        '-ex',
        `python ${fillIn(timeoutMs)}`,
        '-ex',
        'detach',
      ]
      const result = await runCommand({ command: 'gdb', args, timeoutMs })
      await undoStopSoon(subject, platform)
      if (result.kind === 'not-started') {
        return { kind: 'missing', reason: `gdb could not be started (${result.error}); install the package gdb` }
      }
      const start = result.stdout.search(/^goroutine \d+ \[/m)
      if (start === -1) {
        const why = result.kind === 'timed-out' ? 'it did not finish in time and was killed' : explain(result.stderr)
        return { kind: 'missing', reason: `gdb read no goroutines: ${why}` }
      }
      const lines = result.stdout.slice(start).split('\n')
      const stacks = lines.filter((line) => line !== '' && !line.startsWith('[Inferior ')).slice(0, lineLimit)
      return { kind: 'found', content: { tool: 'gdb', stacks } }
    },
  }
}

/** gdb takes one line of Python for a command; the string of JSON is one of Python as well. */
function fillIn(timeoutMs: number): string {
  const text = script
    .replace('LIMIT', (timeoutMs / 2000).toFixed(3))
    .replaceAll('FRAMES', String(frameLimit))
    .replace('GOROUTINES', String(goroutineLimit))
  return `exec(${JSON.stringify(text)})`
}

function explain(stderr: string): string {
  if (/No symbol table is loaded|No symbol "runtime\.allglen"|runtime\.allglen' in current/.test(stderr)) {
    return 'the program was built without debugging data (-ldflags=-w)'
  }
  return selectReason(stderr)
}
