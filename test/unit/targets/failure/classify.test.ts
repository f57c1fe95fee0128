import { describe, expect, test } from 'vitest'
import { DeadlineError } from '../../../../src/model/with-deadline.ts'
import * as tables from '../../../../src/targets/failure/classify.ts'

const { classify, classifyThrown } = tables

describe('what an error means', () => {
  test.each([
    [tables.REDIS_REPLIES, "OOM command not allowed when used memory > 'maxmemory'.", 'down'],
    [tables.REDIS_REPLIES, "READONLY You can't write against a read only replica.", 'down'],
    [tables.REDIS_REPLIES, 'LOADING Redis is loading the dataset in memory', 'down'],
    [tables.REDIS_REPLIES, 'CLUSTERDOWN The cluster is down', 'down'],
    [tables.REDIS_REPLIES, 'NOAUTH Authentication required.', 'down'],
    [tables.REDIS_REPLIES, 'WRONGTYPE Operation against a key holding the wrong kind of value', 'poison'],
    [tables.REDIS_REPLIES, 'ERR value is not an integer or out of range', 'poison'],
    [tables.REDIS_REPLIES, "NOPERM User app has no permissions to run the 'set' command", 'down'],
    [tables.REDIS_REPLIES, 'NOPERM No permissions to access a key', 'unknown'],
    [tables.REDIS_REPLIES, 'NOPERM No permissions to access a channel', 'unknown'],
    [tables.REDIS_REPLIES, 'DENIED Redis is running in protected mode', 'down'],
    [tables.REDIS_REPLIES, 'NEWWORD of a later version', 'unknown'],
    [tables.HTTP_STATUSES, '401', 'down'],
    [tables.HTTP_STATUSES, '403', 'down'],
    [tables.HTTP_STATUSES, '407', 'down'],
    [tables.HTTP_STATUSES, '404', 'poison'],
    [tables.HTTP_STATUSES, '501', 'poison'],
    [tables.HTTP_STATUSES, '500', 'down'],
    [tables.HTTP_STATUSES, '503', 'down'],
    [tables.HTTP_STATUSES, '429', 'down'],
    [tables.HTTP_STATUSES, '408', 'unknown'],
    [tables.HTTP_STATUSES, '425', 'unknown'],
    [tables.HTTP_STATUSES, '400', 'poison'],
    [tables.HTTP_STATUSES, '413', 'poison'],
    [tables.HTTP_STATUSES, '302', 'unknown'],
    [tables.KAFKA_ERRORS, 'MESSAGE_TOO_LARGE', 'poison'],
    [tables.KAFKA_ERRORS, 'TOPIC_AUTHORIZATION_FAILED', 'down'],
    [tables.KAFKA_ERRORS, 'SASL_AUTHENTICATION_FAILED', 'down'],
    [tables.KAFKA_ERRORS, 'UNKNOWN_SERVER_ERROR', 'unknown'],
    [tables.KAFKA_ERRORS, 'POLICY_VIOLATION', 'unknown'],
    [tables.KAFKA_ERRORS, 'NOT_LEADER_OR_FOLLOWER', 'down'],
    [tables.AMQP_ERRORS, 'NACK', 'unknown'],
    [tables.AMQP_ERRORS, 'ACCESS_REFUSED', 'down'],
    [tables.AMQP_ERRORS, 'CODEC', 'poison'],
    [tables.AMQP_ERRORS, 'FRAME_ERROR', 'unknown'],
    [tables.AMQP_ERRORS, 'CONNECTION_FORCED', 'down'],
    [tables.AMQP_ERRORS, 'NEW_WORD', 'unknown'],
    [tables.NATS_ERRORS, '10054 message size exceeds maximum allowed', 'poison'],
    [tables.NATS_ERRORS, '10077 maximum messages exceeded', 'down'],
    [tables.NATS_ERRORS, '10077 maximum messages per subject exceeded', 'unknown'],
    [tables.NATS_ERRORS, '10999 of a later version', 'unknown'],
    [tables.NATS_ERRORS, 'AuthorizationError', 'down'],
    [tables.NATS_ERRORS, 'TimeoutError', 'down'],
    [tables.NATS_ERRORS, 'Error', 'unknown'],
    [tables.AMQP_ERRORS, 'PRECONDITION_FAILED', 'poison'],
    [tables.GRPC_STATUSES, 'UNAVAILABLE', 'down'],
    [tables.GRPC_STATUSES, 'INVALID_ARGUMENT', 'poison'],
    [tables.GRPC_STATUSES, 'PERMISSION_DENIED ', 'down'],
    [tables.GRPC_STATUSES, 'UNAUTHENTICATED token expired', 'down'],
    [tables.GRPC_STATUSES, 'RESOURCE_EXHAUSTED quota exceeded', 'down'],
    [tables.GRPC_STATUSES, 'RESOURCE_EXHAUSTED Received message larger than max (5000012 vs. 4194304)', 'poison'],
    [tables.GRPC_STATUSES, 'RESOURCE_EXHAUSTED grpc: received message larger than max (5 vs. 4)', 'poison'],
    [tables.GRPC_STATUSES, 'RESOURCE_EXHAUSTED gRPC message exceeds maximum size 4194304: 5000012', 'poison'],
    [tables.GRPC_STATUSES, 'INTERNAL whatever', 'unknown'],
    [tables.SQL_ERRORS, '1062 23000', 'poison'],
    [tables.SQL_ERRORS, '1265 01000', 'poison'],
    [tables.SQL_ERRORS, '1366 HY000', 'poison'],
    [tables.SQL_ERRORS, '4025 23000', 'poison'],
    [tables.SQL_ERRORS, '1644 45000', 'poison'],
    [tables.SQL_ERRORS, '1153 08S01', 'poison'],
    [tables.SQL_ERRORS, '1213 40001', 'unknown'],
    [tables.SQL_ERRORS, '1205 HY000', 'unknown'],
    [tables.SQL_ERRORS, '1146 42S02', 'unknown'],
    [tables.SQL_ERRORS, '1040 08004', 'down'],
    [tables.SQL_ERRORS, '1045 28000', 'down'],
    [tables.SQL_ERRORS, '1142 42000', 'down'],
    [tables.SQL_ERRORS, '1290 HY000', 'down'],
    [tables.SQL_ERRORS, '1820 HY000', 'down'],
    [tables.SQL_ERRORS, '3032 HY000', 'down'],
    [tables.SQL_ERRORS, '3118 HY000', 'down'],
    [tables.SQL_ERRORS, '4151 HY000', 'down'],
    [tables.SQL_ERRORS, '1047 08S01', 'down'],
  ] as const)('%#: an answer is poison, unknown or down by its row', (table, text, kind) => {
    expect(classify(table, text)).toBe(kind)
  })

  test('no table takes what it does not know for a server that is down', () => {
    const lists = Object.values(tables).filter((value) => Array.isArray(value))
    expect(lists).toHaveLength(7)
    for (const list of lists) expect(list.at(-1)).not.toHaveProperty('kind', 'down')
    for (const list of lists) expect(list.at(-1)?.when.test('')).toBe(true)
  })

  test.each([
    [Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'down'],
    [Object.assign(new Error('lost'), { code: 'PROTOCOL_CONNECTION_LOST' }), 'down'],
    [Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' }), 'down'],
    [Object.assign(new Error('closed'), { code: 'UND_ERR_SOCKET' }), 'down'],
    [new DeadlineError(100), 'down'],
    [Object.assign(new Error('bad header'), { code: 'UND_ERR_INVALID_ARG' }), 'poison'],
    [Object.assign(new Error('bad message'), { code: 'PLT_KFK_OUT_OF_BOUNDS' }), 'poison'],
    [Object.assign(new TypeError('bad value'), { code: 'ERR_INVALID_CHAR' }), 'poison'],
    [new TypeError('Bind parameters must not contain undefined'), 'poison'],
    [new RangeError('out of range'), 'poison'],
    [new Error('who knows'), 'unknown'],
    ['not even an error', 'unknown'],
  ])('%#: what a client throws is down for a connection only', (error, kind) => {
    expect(classifyThrown(error)).toBe(kind)
  })
})
