import type { Service } from '../watch/service.js'

/** Signals that ask a program to end. */
const ending = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const

/** Signals that mean something to the service alone. */
const passed = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const

/** Heeds a signal that asks to end before there is a service to pass it on to. @returns gives it out, and heeds no more */
export function holdSignals(): () => NodeJS.Signals | undefined {
  let held: NodeJS.Signals | undefined
  const hold = (signal: NodeJS.Signals): void => {
    held ??= signal
  }
  for (const signal of ending) process.on(signal, hold)
  return () => {
    for (const signal of ending) process.off(signal, hold)
    return held
  }
}

/**
 * Passes signals on to the service. One that asks to end is passed on as itself, and there is no restart afterwards; a second one while
 * the service is still ending kills it. @returns takes the handlers back
 */
export function passSignals(service: Service): () => void {
  let asked = false
  const end = (signal: NodeJS.Signals): void => {
    if (asked && service.process !== undefined) service.parts.enders.kill(service.process)
    asked = true
    void service.stop(`${signal} was sent to hangdog`, signal)
  }
  const pass = (signal: NodeJS.Signals): void => {
    if (service.process !== undefined) service.parts.platform.signal(service.process.identity, signal)
  }
  for (const signal of ending) process.on(signal, end)
  for (const signal of passed) process.on(signal, pass)
  return () => {
    for (const signal of ending) process.off(signal, end)
    for (const signal of passed) process.off(signal, pass)
  }
}
