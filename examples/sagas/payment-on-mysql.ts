import { MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { createBarrier, sqlBarrier } from '../../src/index.ts'
import { paymentService } from './payment.ts'

/** The payment service with a database of its own on a MySQL or MariaDB. */
export async function paymentOnMysql(url: string, port = 0) {
  const server = createPool(url).promise()
  await server.query('CREATE DATABASE IF NOT EXISTS payment_service')
  await server.end()
  const pool = createPool({ uri: `${url}/payment_service`, connectionLimit: 10 })
  return paymentService(new MysqlDialect({ pool }), () => createBarrier(sqlBarrier(pool)).setup(), port)
}
