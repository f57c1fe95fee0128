// A web server that takes its time, as the ones that need workers do. Prints how many requests it answered each second.
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const takesMs = Number(process.env.TAKES_MS ?? 50)
let answered = 0

const server = createServer(async (request, response) => {
  for await (const _chunk of request) continue
  await delay(takesMs)
  answered += 1
  response.writeHead(204).end()
})

server.listen(Number(process.env.PORT ?? 8080), () => console.log(`listening on ${server.address().port}`))
setInterval(() => {
  if (answered > 0) console.log(`${answered} requests/s`)
  answered = 0
}, 1_000)
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit())
