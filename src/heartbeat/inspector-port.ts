/** Node's own choice, for every process of a machine. */
const defaultPort = 9229

/** Any option that opens the inspector or chooses its port; also one meant for a program that this one starts. */
const inspectorOption = /--(?:inspect|debug-port)/

/**
 * Makes SIGUSR1 open the inspector on a free loopback port instead of 9229, so that hangdog can ask two hung services of one machine
 * at once. `inspector.open()` without a port does the same from then on. Whoever chose a port keeps it.
 *
 * `process.debugPort` goes on reading as before: node:cluster and other programs count from it to find ports for their workers, and
 * from 0 they would come to port 1. The price is that a program that sets it later changes only what it reads.
 */
export function freeInspectorPort(): void {
  const words = [...process.execArgv, process.env.NODE_OPTIONS ?? '', ...process.argv]
  if (process.debugPort !== defaultPort || words.some((word) => inspectorOption.test(word))) return
  process.debugPort = 0
  let shown = defaultPort
  Object.defineProperty(process, 'debugPort', {
    get: () => shown,
    set: (port: number) => {
      shown = port
    },
    enumerable: true,
    configurable: true,
  })
}
