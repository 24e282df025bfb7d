import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { serve } from './fault-service.js'

const worker = new Worker(new URL('./pricing.js', import.meta.url), { name: 'pricing' })

await serve(async (order) => {
  worker.postMessage(order.isDue() ? -1 : 1000)
  await once(worker, 'message')
})
