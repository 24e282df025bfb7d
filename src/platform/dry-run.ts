import type { Platform, ServiceProcess } from './platform.js'

/**
 * Makes an adapter that does everything but recover: services are started and read as they are, and what would be done about a
 * hang is only reported. A signal that the operator sends is real. A service that was to be killed survives, and `survivors` says so.
 * @param report told what would have been done, as a sentence
 */
export function createDryRunPlatform(inner: Platform, report: (action: string) => void): Platform {
  const isThere = (target: ServiceProcess) => inner.readProcess(target.identity).kind !== 'gone'
  const pretend = (target: ServiceProcess, signal: string) => {
    if (!isThere(target)) return { kind: 'gone' } as const
    report(`would send ${signal} to ${target.command} (pid ${target.identity.pid}) and all that it started`)
    return { kind: 'sent' } as const
  }
  return {
    name: 'dry-run',
    get capabilities() {
      return inner.capabilities
    },
    spawn: (request) => inner.spawn(request),
    describeRun: (target) => inner.describeRun(target),
    adopt: (run, ended) => inner.adopt(run, ended),
    readProcess: (identity) => inner.readProcess(identity),
    identifyMember: (service, pid) => inner.identifyMember(service, pid),
    identifySuccessor: (service, pid) => inner.identifySuccessor(service, pid),
    succeed: (service, successor) => inner.succeed(service, successor),
    readMachine: () => inner.readMachine(),
    signal: (identity, signal) => inner.signal(identity, signal),
    terminate: (target, signal) => pretend(target, signal),
    kill: (target) => pretend(target, 'SIGKILL'),
    survivors: (target) => inner.survivors(target),
    bugCheckMethod: () => inner.bugCheckMethod(),
    bugCheck: (reason) => {
      const method = inner.bugCheckMethod()
      const how = method.kind === 'none' ? `cannot stop the machine: ${method.reason}` : method.method
      report(`would stop the machine for service ${reason.service} (${how})`)
      return Promise.resolve({ method: 'dry-run', error: 'this is a dry run' })
    },
  }
}
