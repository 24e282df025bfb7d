import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { HangdogError } from '../../src/errors.js'
import type {
  Platform,
  ProcessReading,
  RunDescription,
  ServiceProcess,
  SpawnRequest,
} from '../../src/platform/platform.js'
import { milliseconds } from '../../src/time.js'
import { fixture, request, start, temporaryDirectory, until } from '../platform/support.js'

/** What a suite needs to drive one adapter. */
export interface PlatformUnderTest {
  readonly platform: Platform
  /** Ends what the tests started; the same adapter, or the real one behind a dry run. */
  readonly ender: Platform
  /** Whether terminate, kill and bugCheck do what they say, or only report it. */
  readonly acts: boolean
  /** Holds what bugCheck wrote; a fake. */
  readonly sysrqTrigger: string
}

type Alive = Extract<ProcessReading, { kind: 'alive' }>

/** Every adapter passes this. */
export function platformContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  startingContract(t, create)
  readingContract(t, create)
  endingContract(t, create)
  adoptionContract(t, create)
  successionContract(t, create)
  machineContract(t, create)
}

function startingContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  t.test('a service that ends by itself gives its exit code', async (t) => {
    const { platform } = create(t)
    const service = await platform.spawn(request('sh', ['-c', 'exit 7']))
    t.same(await service.exited, { kind: 'code', code: 7 })
    t.equal(platform.readProcess(service.identity).kind, 'gone')
    t.same(await platform.survivors(service), [])
  })

  t.test('a service that ends by a signal gives the signal', async (t) => {
    const { platform } = create(t)
    const service = await platform.spawn(request('sh', ['-c', 'kill -USR1 $$']))
    t.same(await service.exited, { kind: 'signal', signal: 'SIGUSR1' })
  })

  t.test('each of many services that end at once has an identity of its own', async (t) => {
    const { platform } = create(t)
    const services = await Promise.all(Array.from({ length: 20 }, () => platform.spawn(request('true', []))))
    for (const service of services) {
      t.match(service.identity.startTime, /^\d+$/)
      t.same(await service.exited, { kind: 'code', code: 0 })
    }
    t.equal(new Set(services.map((service) => service.identity.pid)).size, 20)
  })

  t.test('the last lines of the output are remembered, also the unfinished one', async (t) => {
    const { platform } = create(t)
    const service = await platform.spawn(
      request('sh', ['-c', 'seq 1 300 >/dev/null; for i in 1 2 3; do echo "# line $i"; done; printf "# unfinished"']),
    )
    await until('the output has come', () => service.lastLines(1)[0] === '# unfinished')
    t.same(service.lastLines(3), ['# line 2', '# line 3', '# unfinished'])
    t.equal(service.lastLines(100).length, 4)
  })

  t.test('output to a file is appended, and its end is remembered', async (t) => {
    const { platform } = create(t)
    const file = join(temporaryDirectory(t), 'output')
    writeFileSync(file, 'before\n')
    const service = await platform.spawn(request('sh', ['-c', 'echo out; echo err >&2'], { output: { file } }))
    await service.exited
    t.equal(readFileSync(file, 'utf8'), 'before\nout\nerr\n')
    t.same(service.lastLines(2), ['out', 'err'])
  })

  const mistakes: readonly [string, Partial<SpawnRequest>, string, RegExp][] = [
    [
      'an unknown command',
      { command: 'no-such-command-here' },
      'unavailable',
      /^cannot start service "subject": command "no-such-command-here" not found in PATH$/,
    ],
    ['an unknown path', { command: '/no/such/file' }, 'unavailable', /command "\/no\/such\/file" not found$/],
    [
      'a file that is not executable',
      { command: '/etc/passwd' },
      'permission',
      /command "\/etc\/passwd" is not executable/,
    ],
    [
      'a bad directory',
      { command: 'true', directory: '/no/such/directory' },
      'config',
      /directory "\/no\/such\/directory"/,
    ],
    ['a byte no argument can hold', { command: 'true', args: ['a\0b'] }, 'config', /arguments/],
    [
      'an output file that cannot be made',
      { command: 'true', output: { file: '/no/such/file' } },
      'create',
      /"\/no\/such\/file"/,
    ],
  ]
  for (const [what, part, code, message] of mistakes) {
    for (const ownGroup of [false, true]) {
      t.test(`${what} is refused with the cause${ownGroup ? ', also with a group of its own' : ''}`, async (t) => {
        const { platform } = create(t)
        await platform.spawn({ ...request('true', []), ownGroup, ...part }).then(
          () => t.fail('the service was started'),
          (error: unknown) => {
            t.type(error, HangdogError)
            t.match(error, { code, message })
          },
        )
      })
    }
  }

  t.test('a script whose interpreter is missing is refused with the cause', async (t) => {
    const { platform } = create(t)
    const script = join(temporaryDirectory(t), 'script')
    writeFileSync(script, '#!/no/such/interpreter\n', { mode: 0o755 })
    await t.rejects(platform.spawn(request(script, [])), { code: 'unavailable', message: /interpreter/ })
  })

  t.test('a service runs in its directory with its environment and nothing else of hangdog', async (t) => {
    const { platform } = create(t)
    const directory = temporaryDirectory(t)
    const file = join(directory, 'output')
    const environment = { PATH: process.env.PATH ?? '', ONLY: 'this' }
    process.env.HANGDOG_TEST_LEAK = '1'
    t.teardown(() => delete process.env.HANGDOG_TEST_LEAK)
    const service = await platform.spawn(
      request('sh', ['-c', 'pwd; env'], { directory, environment, output: { file }, ownGroup: true }),
    )
    await service.exited
    const [first, ...variables] = readFileSync(file, 'utf8').trim().split('\n')
    t.equal(first, directory)
    t.ok(variables.includes('ONLY=this'))
    t.notOk(variables.includes('HANGDOG_TEST_LEAK=1'), 'what hangdog itself was given is not passed on')
  })

  for (const ownGroup of [false, true]) {
    t.test(`files are handed over from number 3 on${ownGroup ? ', also with a group of its own' : ''}`, async (t) => {
      const { platform } = create(t)
      const directory = temporaryDirectory(t)
      const [given, file] = [join(directory, 'given'), join(directory, 'output')]
      writeFileSync(given, 'handed over\n')
      const descriptor = openSync(given, 'r')
      t.teardown(() => closeSync(descriptor))
      const order = request('sh', ['-c', 'cat <&3'], { output: { file }, ownGroup, files: [descriptor] })
      await (await platform.spawn(order)).exited
      t.equal(readFileSync(file, 'utf8'), 'handed over\n')
    })
  }
}

function readingContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  const reading = async (t: Test, command: string, args: readonly string[]) => {
    const { platform, ender } = create(t)
    const service = await start(t, platform, ender, request(command, args))
    return { platform, service }
  }
  /** Waits for a reading of which something holds, and gives it. */
  const readUntil = async (platform: Platform, service: ServiceProcess, what: string, holds: (r: Alive) => boolean) => {
    let last: ProcessReading = { kind: 'gone' }
    await until(what, () => {
      last = platform.readProcess(service.identity)
      return last.kind === 'alive' && holds(last)
    })
    return last as unknown as Alive
  }

  t.test('a busy loop reads as running, and its CPU time grows', async (t) => {
    const { platform, service } = await reading(t, 'sh', ['-c', 'while :; do :; done'])
    const first = await readUntil(platform, service, 'it runs', (r) => r.state === 'running' && r.cpuTime > 0)
    const later = await readUntil(platform, service, 'it used CPU', (r) => r.cpuTime >= first.cpuTime + 50)
    t.match(later, { threads: 1, tracerPid: 0, frozen: false })
  })

  t.test('a sleeping service reads as sleeping, and where it waits', async (t) => {
    const { platform, service } = await reading(t, 'sleep', ['600'])
    const alive = await readUntil(platform, service, 'it sleeps', (r) => r.state === 'sleeping')
    t.ok(alive.cpuTime < 1000)
    t.equal(alive.tracerPid, 0)
    if (alive.waitChannel === undefined) t.comment('the kernel gives no wait channel here')
    else t.match(alive.waitChannel, /sleep/)
  })

  t.test('a stopped service reads as stopped', async (t) => {
    const { platform, service } = await reading(t, 'sleep', ['600'])
    t.equal(platform.signal(service.identity, 'SIGSTOP').kind, 'sent')
    await readUntil(platform, service, 'it is stopped', (r) => r.state === 'stopped')
  })

  t.test('a service in a debugger reads as traced, and by whom', async (t) => {
    const { platform, service } = await reading(t, 'sleep', ['600'])
    const { pid } = service.identity
    const tracer = startTracer(t, pid)
    if (tracer === undefined) {
      skip(t, 'neither gdb nor strace is installed')
      return
    }
    const alive = await readUntil(platform, service, 'it is traced', (r) => r.tracerPid !== 0)
    t.equal(alive.tracerPid, tracer.process.pid)
    if (tracer.stops) await readUntil(platform, service, 'it stands still', (r) => r.state === 'traced')
  })

  for (const version of ['v1', 'v2'] as const) {
    t.test(`a service in a frozen control group (${version}) reads as frozen`, async (t) => {
      const { platform, service } = await reading(t, 'sleep', ['600'])
      await readUntil(platform, service, 'it sleeps', (r) => r.state === 'sleeping' && !r.frozen)
      const problem = freeze(t, version, service.identity.pid)
      if (problem !== undefined) {
        skip(t, problem)
        return
      }
      await readUntil(platform, service, 'it is frozen', (r) => r.frozen)
    })
  }

  t.test('a zombie leader with a live thread reads as such, and is there', async (t) => {
    if (!hasProgram('python3')) {
      skip(t, 'python3 is not installed')
      return
    }
    const ready = join(temporaryDirectory(t), 'ready')
    const { platform, service } = await reading(t, 'python3', [fixture('zombie-leader.py'), ready])
    await until('the thread works', () => existsSync(ready))
    const alive = await readUntil(platform, service, 'its leader is a zombie', (r) => r.state === 'zombie')
    t.ok(alive.threads > 1)
    t.match(await platform.survivors(service), [service.identity])
  })

  t.test('a service that waits in the kernel for its vfork child reads as uninterruptible', async (t) => {
    if (!hasProgram('python3')) {
      skip(t, 'python3 is not installed')
      return
    }
    const fifo = join(temporaryDirectory(t), 'fifo')
    execFileSync('mkfifo', [fifo])
    const { platform, service } = await reading(t, 'python3', [fixture('vfork-parent.py'), fifo])
    await readUntil(platform, service, 'it is uninterruptible', (r) => r.state === 'uninterruptible')
  })

  t.test('an identity with another start time is gone, and is never signalled', async (t) => {
    const { platform, service } = await reading(t, 'sleep', ['600'])
    const identity = { pid: service.identity.pid, startTime: '1' }
    const stranger = { ...service, identity }
    t.same(platform.readProcess(identity), { kind: 'gone' })
    t.same(platform.signal(identity, 'SIGKILL'), { kind: 'gone' })
    t.same(platform.terminate(stranger, 'SIGKILL'), { kind: 'gone' })
    t.same(platform.kill(stranger), { kind: 'gone' })
    t.same(await platform.survivors(stranger), [])
    await new Promise((resolve) => setTimeout(resolve, 100))
    t.equal(platform.readProcess(service.identity).kind, 'alive')
  })

  t.test('a process that does not exist is gone', async (t) => {
    const { platform } = create(t)
    // Above the kernel's own limit of 2^22.
    t.same(platform.readProcess({ pid: 2 ** 22 + 1, startTime: '1' }), { kind: 'gone' })
  })
}

function endingContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  /** Kills, and checks what an adapter that acts must reach, or that a dry run touched nothing. */
  const killAll = async (t: Test, under: PlatformUnderTest, service: ServiceProcess, others: readonly number[]) => {
    const before = await under.platform.survivors(service)
    for (const pid of others)
      t.ok(
        before.some((one) => one.pid === pid),
        `process ${pid} is known to belong to it`,
      )
    under.platform.kill(service)
    if (under.acts) {
      await until('nothing is left', async () => (await under.platform.survivors(service)).length === 0)
      for (const one of before) t.equal(under.platform.readProcess(one).kind, 'gone')
    } else {
      await new Promise((resolve) => setTimeout(resolve, 100))
      t.same(sorted(await under.platform.survivors(service)), sorted(before), 'all survive')
    }
  }

  t.test('a service that ends on SIGTERM is terminated', async (t) => {
    const { platform, ender, acts } = create(t)
    const service = await start(t, platform, ender, request('sleep', ['600']))
    t.same(platform.terminate(service, 'SIGTERM'), { kind: 'sent' })
    if (acts) t.same(await service.exited, { kind: 'signal', signal: 'SIGTERM' })
    else t.equal(platform.readProcess(service.identity).kind, 'alive')
  })

  t.test('a stopped service is terminated too', async (t) => {
    const { platform, ender, acts } = create(t)
    const service = await start(t, platform, ender, request('sleep', ['600']))
    platform.signal(service.identity, 'SIGSTOP')
    platform.terminate(service, 'SIGTERM')
    if (acts) t.same(await service.exited, { kind: 'signal', signal: 'SIGTERM' })
  })

  t.test('a shell that ignores SIGTERM is only ended by kill, with its children', async (t) => {
    const under = create(t)
    const ready = join(temporaryDirectory(t), 'ready')
    const script = `trap "" TERM; sleep 600 & echo $! > ${ready}; while :; do wait; done`
    const service = await start(t, under.platform, under.ender, request('sh', ['-c', script]))
    const child = await readPid(ready)
    under.platform.terminate(service, 'SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 100))
    t.equal(under.platform.readProcess(service.identity).kind, 'alive')
    await killAll(t, under, service, [service.identity.pid, child])
  })

  t.test('a grandchild in a session of its own is killed with the service', async (t) => {
    const under = create(t)
    const ready = join(temporaryDirectory(t), 'ready')
    const script = `(setsid sh -c 'echo $$ > ${ready}; exec sleep 600'; true) & wait`
    const service = await start(t, under.platform, under.ender, request('sh', ['-c', script]))
    await killAll(t, under, service, [await readPid(ready)])
  })

  for (const leader of ['stays', 'ends'] as const) {
    t.test(`a daemon that left by two forks is found and killed when the service ${leader}`, async (t) => {
      if (!hasProgram('python3')) {
        skip(t, 'python3 is not installed')
        return
      }
      const under = create(t)
      const ready = join(temporaryDirectory(t), 'ready')
      const service = await start(
        t,
        under.platform,
        under.ender,
        request('python3', [fixture('daemon.py'), ready, leader]),
      )
      const daemon = await readPid(ready)
      if (leader === 'ends') await service.exited
      await killAll(t, under, service, [daemon])
    })
  }

  t.test('children outlive a service that ended, and are still terminated and killed', async (t) => {
    const under = create(t)
    const ready = join(temporaryDirectory(t), 'ready')
    const script = `sleep 600 & echo $! > ${ready}`
    const service = await start(t, under.platform, under.ender, request('sh', ['-c', script]))
    const child = await readPid(ready)
    await service.exited
    t.equal(under.platform.readProcess(service.identity).kind, 'gone')
    t.match(await under.platform.survivors(service), [{ pid: child }])
    if (under.acts) {
      t.same(under.platform.terminate(service, 'SIGTERM'), { kind: 'sent' })
      await until('the child is gone', async () => (await under.platform.survivors(service)).length === 0)
      t.same(under.platform.terminate(service, 'SIGTERM'), { kind: 'gone' })
      t.same(under.platform.kill(service), { kind: 'gone' })
    }
  })

  t.test('a service with a group of its own is killed with all of it', async (t) => {
    const under = create(t)
    const ready = join(temporaryDirectory(t), 'ready')
    const script = `env -i setsid sh -c 'sleep 600 & echo $! > ${ready}' & sleep 600`
    const service = await start(t, under.platform, under.ender, request('sh', ['-c', script], { ownGroup: true }))
    const orphan = await readPid(ready)
    const grouped = under.platform.capabilities.find(({ name }) => name === 'cgroup-kill')?.available
    await killAll(t, under, service, grouped ? [service.identity.pid, orphan] : [service.identity.pid])
    if (!grouped) process.kill(orphan, 'SIGKILL')
  })

  t.test('many services that are killed at once are all gone', async (t) => {
    const { platform, ender, acts } = create(t)
    const services = await Promise.all(
      Array.from({ length: 50 }, () => start(t, platform, ender, request('sleep', ['600']))),
    )
    for (const service of services) t.same(platform.kill(service), { kind: 'sent' })
    if (!acts) return
    for (const service of services) t.same(await service.exited, { kind: 'signal', signal: 'SIGKILL' })
    t.same((await Promise.all(services.map((service) => platform.survivors(service)))).flat(), [])
  })

  t.test('a signal of the operator reaches the service', async (t) => {
    const { platform, ender } = create(t)
    const service = await start(t, platform, ender, request('sleep', ['600']))
    t.same(platform.signal(service.identity, 'SIGINT'), { kind: 'sent' })
    t.same(await service.exited, { kind: 'signal', signal: 'SIGINT' })
    t.same(platform.signal(service.identity, 'SIGINT'), { kind: 'gone' })
  })
}

/** Each case has two adapters: one that started the service, and one that knows of it what was written down. */
function adoptionContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  const adoptFrom = (first: Platform, second: Platform, service: ServiceProcess): ServiceProcess => {
    const run: RunDescription = JSON.parse(JSON.stringify(first.describeRun(service)))
    return second.adopt(
      run,
      service.exited.then(() => {}),
    )
  }

  t.test('a run that another started is known by what that one wrote down', async (t) => {
    const [first, second] = [create(t), create(t)]
    const file = join(temporaryDirectory(t), 'output')
    const service = await start(t, first.platform, first.ender, {
      ...request('sh', ['-c', 'echo here; exec sleep 600']),
      output: { file },
    })
    await until('it has written', () => service.lastLines(1)[0] === 'here')
    const adopted = adoptFrom(first.platform, second.platform, service)
    t.same(adopted.identity, service.identity)
    t.equal(adopted.command, 'sh')
    t.same(adopted.startedAt, service.startedAt)
    t.same(adopted.lastLines(1), ['here'])
    t.equal(second.platform.readProcess(adopted.identity).kind, 'alive')
    t.same(second.platform.describeRun(adopted), first.platform.describeRun(service), 'and can be handed on')
  })

  t.test('an adopted service is ended with all that it started, and nobody knows its exit code', async (t) => {
    const [first, second] = [create(t), create(t)]
    const script = 'setsid sleep 600 & setsid sleep 601 & exec sleep 602'
    const service = await start(t, first.platform, first.ender, request('sh', ['-c', script]))
    await until('all are there', async () => (await first.platform.survivors(service)).length === 3)
    const adopted = adoptFrom(first.platform, second.ender, service)
    t.equal((await second.ender.survivors(adopted)).length, 3)
    t.same(second.ender.kill(adopted), { kind: 'sent' })
    await until('nothing is left', async () => (await second.ender.survivors(adopted)).length === 0)
    t.same(await adopted.exited, { kind: 'unknown' })
  })

  t.test('of a service that ended before it was adopted, what it left behind is found and ended', async (t) => {
    const [first, second] = [create(t), create(t)]
    const service = await start(t, first.platform, first.ender, request('sh', ['-c', 'setsid sleep 603 & sleep 0.2']))
    await service.exited
    const adopted = adoptFrom(first.platform, second.ender, service)
    await until('it is found', async () => (await second.ender.survivors(adopted)).length === 1)
    second.ender.kill(adopted)
    await until('nothing is left', async () => (await second.ender.survivors(adopted)).length === 0)
  })
}

/** A service goes on as another process of its run. */
function successionContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  /** Starts a service that has a worker, and then a process to hand over to; it ends when told to by a file. */
  const begin = async (t: Test, under: PlatformUnderTest, launch: (file: string) => string) => {
    const directory = temporaryDirectory(t)
    const [ready, go] = [join(directory, 'ready'), join(directory, 'go')]
    const wait = `while ! [ -e ${go} ]; do sleep 0.02; done`
    const script = `sleep 600 & sleep 0.1; ${launch(ready)} ${wait}; exit 3`
    const service = await start(t, under.platform, under.ender, request('sh', ['-c', script]))
    const pid = await readPid(ready)
    return { service, pid, end: () => writeFileSync(go, '') }
  }
  const child = (file: string) => `sh -c 'echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 601' &`
  const daemon = (file: string) => `python3 ${fixture('daemon.py')} ${file} ends;`

  for (const [what, launch] of [
    ['a child', child],
    ['a daemon that left its session', daemon],
  ] as const) {
    t.test(`a service that goes on as ${what} is ended with all that it ever started`, async (t) => {
      if (launch === daemon && !hasProgram('python3')) {
        skip(t, 'python3 is not installed')
        return
      }
      const under = create(t)
      const { service, pid, end } = await begin(t, under, launch)
      const member = under.platform.identifyMember(service, pid)
      const found = member ?? (await under.platform.identifySuccessor(service, pid))
      t.equal(member === undefined, launch === daemon, 'what has left is only known by its mark')
      if (found === undefined) throw new Error('it is not known')
      const successor = under.platform.succeed(service, found)
      t.match(successor, { identity: found, command: 'sh', startedAt: service.startedAt })
      end()
      await service.exited
      t.equal(under.platform.readProcess(successor.identity).kind, 'alive')
      const before = await under.platform.survivors(successor)
      t.equal(before.length, 2, 'it, and the worker that is older than it')
      t.match(under.platform.describeRun(successor), { identity: found, former: [service.identity] })
      const run: RunDescription = JSON.parse(JSON.stringify(under.platform.describeRun(successor)))
      const second = create(t)
      const adopted = second.platform.adopt(run, Promise.resolve())
      t.same(sorted(await second.platform.survivors(adopted)), sorted(before), 'also for one that adopts it')
      t.same(under.platform.terminate(successor, 'SIGTERM'), { kind: 'sent' })
      if (!under.acts) t.equal((await under.platform.survivors(successor)).length, 2)
      // What is in a session of its own is reached by this alone.
      under.ender.kill(successor)
      t.same(await successor.exited, { kind: 'unknown', handedOver: true })
      await until('nothing is left', async () => (await under.ender.survivors(successor)).length === 0)
    })
  }

  t.test('a service cannot go on as what is none of it', async (t) => {
    const { platform, ender } = create(t)
    const service = await start(t, platform, ender, request('sleep', ['600']))
    const other = await start(t, platform, ender, request('sleep', ['600']))
    for (const pid of [1, process.pid, other.identity.pid, 2 ** 22 + 1]) {
      t.equal(platform.identifyMember(service, pid), undefined, `pid ${pid}`)
      t.equal(await platform.identifySuccessor(service, pid), undefined, `pid ${pid}`)
    }
  })
}

function machineContract(t: Test, create: (t: Test) => PlatformUnderTest): void {
  t.test('the machine accounts for time while it runs, and was not suspended', async (t) => {
    const { platform } = create(t)
    const before = platform.readMachine()
    await until('time was accounted for', () => {
      const { accounted } = platform.readMachine()
      return accounted === undefined || accounted > (before.accounted ?? 0)
    })
    const after = platform.readMachine()
    if (before.suspended !== undefined && after.suspended !== undefined) {
      t.ok(Math.abs(after.suspended - before.suspended) < 500, 'the clocks stayed together')
    }
    t.ok((after.cpuPressure ?? 0) >= (before.cpuPressure ?? 0))
    t.ok((after.stolen ?? 0) >= (before.stolen ?? 0))
  })

  t.test('every capability says how or why not, and what would mend it', async (t) => {
    for (const capability of create(t).platform.capabilities) {
      t.not(capability.detail, '')
      if (!capability.available) t.type(capability.mend, 'string', capability.name)
    }
  })

  t.test('a bugcheck that does not work says so, and a dry run writes nothing', async (t) => {
    const { platform, acts, sysrqTrigger } = create(t)
    t.equal(platform.bugCheckMethod().kind, 'reboot')
    const reason = { service: 'subject', pid: 1, timeout: milliseconds(1000), incident: 'one' }
    const failure = await platform.bugCheck(reason)
    t.not(failure.error, '')
    t.equal(readFileSync(sysrqTrigger, 'utf8'), acts ? 'b' : '')
  })
}

function startTracer(t: Test, pid: number): { readonly process: ChildProcess; readonly stops: boolean } | undefined {
  const stops = hasProgram('gdb')
  if (!stops && !hasProgram('strace')) return undefined
  const tracer = stops
    ? spawn('gdb', ['-nx', '-q', '-p', String(pid)], { stdio: ['pipe', 'ignore', 'ignore'] })
    : spawn('strace', ['-p', String(pid), '-o', '/dev/null'], { stdio: 'ignore' })
  t.teardown(() => tracer.kill('SIGKILL'))
  return { process: tracer, stops }
}

/** Puts a process into a frozen group of its own until the test ends; or says why that cannot be. */
function freeze(t: Test, version: 'v1' | 'v2', pid: number): string | undefined {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => (version === 'v2' ? / - cgroup2 / : / - cgroup .*\bfreezer\b/).test(line))
    ?.split(' ')[4]
  if (mount === undefined) return `no cgroup ${version} freezer is mounted`
  const group = join(mount, `hangdog-test-${process.pid}-${pid}`)
  const [file, on, off] = version === 'v2' ? ['cgroup.freeze', '1', '0'] : ['freezer.state', 'FROZEN', 'THAWED']
  try {
    mkdirSync(group)
  } catch (error) {
    return String(error)
  }
  t.teardown(() => {
    writeFileSync(join(group, file), off)
    writeFileSync(join(mount, 'cgroup.procs'), String(pid))
    rmdirSync(group)
  })
  writeFileSync(join(group, 'cgroup.procs'), String(pid))
  writeFileSync(join(group, file), on)
  return undefined
}

/** Leaves a test that this machine cannot run, with the reason in the report. */
function skip(t: Test, reason: string): void {
  t.plan(0, `skipped: ${reason}`)
}

function hasProgram(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name)))
}

async function readPid(file: string): Promise<number> {
  let pid = Number.NaN
  await until(`${file} holds a pid`, () => {
    pid = existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : Number.NaN
    return !Number.isNaN(pid)
  })
  return pid
}

const sorted = (identities: readonly { readonly pid: number }[]) => identities.map(({ pid }) => pid).sort()
