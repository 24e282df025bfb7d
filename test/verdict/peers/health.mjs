// Loaded into a Node service: gives it the health endpoint that a liveness probe asks, answered from the event loop.
import { createServer } from 'node:http'
import { isMainThread } from 'node:worker_threads'

const { HEALTH_PORT } = process.env
if (isMainThread && HEALTH_PORT !== undefined) {
  // What it starts is not it.
  delete process.env.HEALTH_PORT
  createServer((_request, response) => response.end('well')).listen(Number(HEALTH_PORT), '127.0.0.1')
}
