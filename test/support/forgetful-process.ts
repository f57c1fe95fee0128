import { startRedis } from './servers/redis.ts'

/** A process that starts a server and never stops it: prints `PID FOLDER` of the server, then waits to be killed. */
const redis = await startRedis()
process.stdout.write(`${redis.process.pid} ${redis.process.folder}\n`)
setInterval(() => undefined, 60_000)
