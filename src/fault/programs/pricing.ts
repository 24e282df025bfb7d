import { parentPort } from 'node:worker_threads'

parentPort?.on('message', (last: number) => {
  parentPort?.postMessage(last < 0 ? countForEver(last) : last)
})

function countForEver(last: number): number {
  let count = 0
  while (count !== last) count++
  return count
}
