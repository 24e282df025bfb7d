import { serve } from './fault-service.js'

await serve(async (order) => {
  await fetchOrders(order.isDue())
})

/** The bug: on one of its paths nobody calls `resolve`. */
function fetchOrders(isLost: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (!isLost) setImmediate(resolve)
  })
}
