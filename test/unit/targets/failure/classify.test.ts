import { describe, expect, test } from 'vitest'
import * as tables from '../../../../src/targets/failure/classify.ts'

const { classify } = tables

describe('what an error means', () => {
  test.each([
    [tables.REDIS_REPLIES, "OOM command not allowed when used memory > 'maxmemory'.", 'down'],
    [tables.REDIS_REPLIES, "READONLY You can't write against a read only replica.", 'down'],
    [tables.REDIS_REPLIES, 'LOADING Redis is loading the dataset in memory', 'down'],
    [tables.REDIS_REPLIES, 'CLUSTERDOWN The cluster is down', 'down'],
    [tables.REDIS_REPLIES, 'NOAUTH Authentication required.', 'down'],
    [tables.REDIS_REPLIES, 'WRONGTYPE Operation against a key holding the wrong kind of value', 'poison'],
    [tables.REDIS_REPLIES, 'ERR value is not an integer or out of range', 'poison'],
    [tables.REDIS_REPLIES, 'NOPERM User app has no permissions', 'unknown'],
    [tables.HTTP_STATUSES, '500', 'down'],
    [tables.HTTP_STATUSES, '503', 'down'],
    [tables.HTTP_STATUSES, '429', 'down'],
    [tables.HTTP_STATUSES, '408', 'unknown'],
    [tables.HTTP_STATUSES, '425', 'unknown'],
    [tables.HTTP_STATUSES, '400', 'poison'],
    [tables.HTTP_STATUSES, '413', 'poison'],
    [tables.HTTP_STATUSES, '302', 'unknown'],
    [tables.KAFKA_ERRORS, 'MESSAGE_TOO_LARGE', 'poison'],
    [tables.KAFKA_ERRORS, 'NOT_LEADER_OR_FOLLOWER', 'down'],
    [tables.AMQP_ERRORS, 'NACK', 'unknown'],
    [tables.AMQP_ERRORS, 'PRECONDITION_FAILED', 'poison'],
    [tables.GRPC_STATUSES, 'UNAVAILABLE', 'down'],
    [tables.GRPC_STATUSES, 'INVALID_ARGUMENT', 'poison'],
    [tables.SQL_ERRORS, 'ER_DUP_ENTRY', 'poison'],
    [tables.SQL_ERRORS, 'ECONNREFUSED', 'down'],
    [tables.SQL_ERRORS, 'ER_LOCK_DEADLOCK', 'unknown'],
  ] as const)('%# %s', (table, text, kind) => {
    expect(classify(table, text)).toBe(kind)
  })
})
