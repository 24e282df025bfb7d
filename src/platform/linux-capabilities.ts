import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../errors.js'
import { loadAddon } from './addon.js'
import { openGuard } from './guard.js'
import { findKernelModule, kernelDevice } from './kernel-module.js'
import { type CgroupMounts, probeOwnGroup } from './linux-cgroup.js'
import { readKernelFile } from './linux-proc.js'
import type { BugCheckMethod, Capability } from './platform.js'

/** Finds out what works on this machine by trying it; see Platform.capabilities. */
export function probeCapabilities(mounts: CgroupMounts, bugCheck: BugCheckMethod): readonly Capability[] {
  return [
    yes('terminate', 'signals, then SIGKILL, with proof; identity is pid and start time'),
    yes('process-group', 'each service has a session and a process group of its own'),
    cgroupKill(mounts),
    processState(),
    pressure(),
    bugCheckDump(bugCheck),
    bugCheckReboot(bugCheck),
    kernelStack(),
    nativeStack(),
    yes('javascript-stack', 'through the inspector of Node services'),
    systemLog(),
    ...nativePart(),
    kernelModule(),
  ]
}

/** Tried out with a guard of the smallest size. */
function nativePart(): readonly Capability[] {
  const loaded = loadAddon()
  if (loaded.kind === 'absent') {
    return [
      no('guard', `${loaded.reason}; countdowns run in JavaScript`, 'install gcc and run npm rebuild hangdog'),
      no('notify-socket', 'needs the native part', 'use --heartbeat stream, node or a probe, or build the native part'),
    ]
  }
  try {
    const guard = openGuard(loaded.addon, { countdowns: 1, processes: 1, ringBytes: 1 << 16 })
    const { realtime, memoryLocked } = guard.strength
    guard.close()
    return [
      yes('guard', `a thread of its own keeps the countdowns of notify services, by ${loaded.file}`),
      yes('notify-socket', 'sd_notify datagrams, each with its sender as the kernel knows it'),
      realtime === true
        ? yes('guard-priority', 'SCHED_FIFO: before all ordinary threads')
        : no('guard-priority', `SCHED_FIFO refused: ${realtime}`, 'run as root or with CAP_SYS_NICE (LimitRTPRIO=50)'),
      memoryLocked === true
        ? yes('guard-memory', 'never swapped out')
        : no('guard-memory', `mlock refused: ${memoryLocked}`, 'run as root or with CAP_IPC_LOCK (LimitMEMLOCK=64M)'),
    ]
  } catch (error) {
    const mend = 'see the reason; countdowns run in JavaScript meanwhile'
    return [no('guard', describeError(error), mend), no('notify-socket', 'needs the native part', mend)]
  }
}

function kernelModule(): Capability {
  const found = findKernelModule()
  switch (found.kind) {
    case 'usable':
      return yes(
        'kernel-module',
        `${kernelDevice}, version ${found.api}: can act when hangdog itself does not (--kernel-watch, --watch-hangdog)`,
      )
    case 'unusable':
      return no(
        'kernel-module',
        `${kernelDevice}, version ${found.api}: ${found.reason}`,
        'run as root, with the module of this version',
      )
    case 'absent':
      return no(
        'kernel-module',
        'the module hangdog is not loaded; nothing acts when hangdog itself hangs, but for other watchdogs of it',
        'build and load native/linux (see its README)',
      )
    default:
      return found satisfies never
  }
}

function cgroupKill(mounts: CgroupMounts): Capability {
  const problem = probeOwnGroup(mounts)
  if (problem === undefined) return yes('cgroup-kill', 'each service can have a control group (v2) of its own')
  return no(
    'cgroup-kill',
    `${problem}; process group, session and marker are used instead`,
    'run as root with cgroup v2',
  )
}

function processState(): Capability {
  const complete = readKernelFile('/proc/self/schedstat') !== undefined
  if (readKernelFile('/proc/self/stat') === undefined) return no('process-state', '/proc is not mounted', 'mount /proc')
  return yes('process-state', complete ? 'from /proc' : 'from /proc, without the time spent waiting for a CPU')
}

function pressure(): Capability {
  if (readKernelFile('/proc/pressure/cpu') !== undefined) return yes('pressure', 'from /proc/pressure')
  return no('pressure', 'the kernel offers no /proc/pressure', 'boot with psi=1 on a kernel with CONFIG_PSI')
}

function bugCheckDump(method: BugCheckMethod): Capability {
  if (method.kind === 'dump') return yes('bugcheck-dump', method.method)
  const reason = method.kind === 'none' ? method.reason : 'no crash kernel is loaded'
  return no('bugcheck-dump', reason, 'load a crash kernel (kdump-tools) and run as root')
}

function bugCheckReboot(method: BugCheckMethod): Capability {
  if (method.kind === 'none') return no('bugcheck-reboot', method.reason, 'run as root with CONFIG_MAGIC_SYSRQ')
  return yes('bugcheck-reboot', method.kind === 'reboot' ? method.method : 'not needed: the crash kernel reboots')
}

function kernelStack(): Capability {
  if (readKernelFile('/proc/self/stack') !== undefined) return yes('kernel-stack', 'from /proc/PID/stack')
  return no('kernel-stack', '/proc/PID/stack may not be read; the wait channel is shown instead', 'run as root')
}

function nativeStack(): Capability {
  const gdb = findProgram('gdb')
  if (gdb !== undefined) return yes('native-stack', `through ${gdb}`)
  return no('native-stack', 'gdb is not found in PATH', 'install gdb')
}

function systemLog(): Capability {
  const socket = ['/run/systemd/journal/socket', '/dev/log'].find((path) => existsSync(path))
  const logger = findProgram('logger')
  if (socket !== undefined && logger !== undefined) return yes('system-log', `${socket}, written to by ${logger}`)
  const missing = socket === undefined ? 'neither the journal nor /dev/log is there' : 'logger is not found in PATH'
  return no('system-log', missing, socket === undefined ? 'start systemd-journald or rsyslog' : 'install bsdutils')
}

function findProgram(name: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const yes = (name: Capability['name'], detail: string): Capability => ({ name, available: true, detail })

const no = (name: Capability['name'], detail: string, mend: string): Capability => ({
  name,
  available: false,
  detail,
  mend,
})
