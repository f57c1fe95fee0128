import type { Checkpoint } from '../../src/model/state/checkpoint.ts'

/** What a daemon has stored after a while. */
export const storedCheckpoint: Checkpoint = {
  version: 1,
  name: 'bingo',
  position: {
    flavour: 'mysql',
    file: 'binlog.000003',
    offset: 1234,
    gtidSet: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5',
  },
  server: { flavour: 'mysql', server: '3e11fa47-71ca-11e1-9e33-c80aa9429562', fileCreated: 1_795_000_000 },
  savedAt: 1_795_000_000_123,
  epoch: 5,
}
