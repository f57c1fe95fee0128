import { Mailer } from './grpc-server.ts'

/** A mail server in a process of its own, to be killed: tells its parent that it is ready, then the id of each mail. */
const mailer = await Mailer.start({ port: Number(process.argv[2]) })
mailer.answer = (call, done) => {
  process.send!(call.request['id'], () => done(null, { ok: true }))
}
process.send!('ready')
process.on('disconnect', () => process.exit())
