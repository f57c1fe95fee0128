// What a team writes by hand instead of two rules of the benchmark, with go-mysql, cel-go and go-redis:
//
//	unlink  a changed status removes the row's key (end-to-end.ts)
//	publish each new row is published (latency.ts)
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/google/cel-go/cel"
	"github.com/redis/go-redis/v9"
)

const (
	// As many keys as BinGo puts into a command.
	mostKeys = 1000
	idColumn = 0
	// Of shop.big.
	statusColumn = 3
)

func main() {
	if len(os.Args) != 9 {
		log.Fatal("usage: peer unlink|publish HOST PORT USER PASSWORD REDIS FILE POSITION")
	}
	mode, host, user, password, address, file := os.Args[1], os.Args[2], os.Args[4], os.Args[5], os.Args[6], os.Args[7]
	port, err := strconv.ParseUint(os.Args[3], 10, 16)
	must(err)
	position, err := strconv.ParseUint(os.Args[8], 10, 32)
	must(err)
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		ServerID: 4242, Flavor: "mysql", Host: host, Port: uint16(port), User: user, Password: password,
	})
	streamer, err := syncer.StartSync(mysql.Position{Name: file, Pos: uint32(position)})
	must(err)
	client := redis.NewClient(&redis.Options{Addr: address})
	must(client.Ping(context.Background()).Err())
	fmt.Println("ready")
	if mode == "unlink" {
		unlink(streamer, client)
	} else {
		publish(streamer, client)
	}
}

// Reading, filtering and sending overlap: go-mysql reads in a goroutine of its own, and so does the one that sends.
func unlink(streamer *replication.BinlogStreamer, client *redis.Client) {
	environment, err := cel.NewEnv(
		cel.Variable("NewRow", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("OldRow", cel.MapType(cel.StringType, cel.DynType)),
	)
	must(err)
	checked, issues := environment.Compile("NewRow['status'] != OldRow['status']")
	must(issues.Err())
	filter, err := environment.Program(checked)
	must(err)
	batches := make(chan []string, 16)
	go func() {
		for keys := range batches {
			must(client.Unlink(context.Background(), keys...).Err())
		}
	}()
	// Only what the filter reads, in maps that are used again.
	before, after := map[string]any{}, map[string]any{}
	row := map[string]any{"OldRow": before, "NewRow": after}
	keys := make([]string, 0, mostKeys)
	send := func() {
		if len(keys) > 0 {
			batches <- keys
			keys = make([]string, 0, mostKeys)
		}
	}
	for {
		event, err := streamer.GetEvent(context.Background())
		must(err)
		switch body := event.Event.(type) {
		case *replication.RowsEvent:
			if event.Header.EventType != replication.UPDATE_ROWS_EVENTv2 || string(body.Table.Table) != "big" {
				continue
			}
			for i := 0; i < len(body.Rows); i += 2 {
				before["status"], after["status"] = body.Rows[i][statusColumn], body.Rows[i+1][statusColumn]
				wanted, _, err := filter.Eval(row)
				must(err)
				if wanted.Value() != true {
					continue
				}
				keys = append(keys, "cache:user:"+strconv.FormatInt(body.Rows[i+1][idColumn].(int64), 10))
				if len(keys) == mostKeys {
					send()
				}
			}
		case *replication.XIDEvent:
			send()
		}
	}
}

func publish(streamer *replication.BinlogStreamer, client *redis.Client) {
	ids := []string{}
	for {
		event, err := streamer.GetEvent(context.Background())
		must(err)
		switch body := event.Event.(type) {
		case *replication.RowsEvent:
			if event.Header.EventType != replication.WRITE_ROWS_EVENTv2 || string(body.Table.Table) != "ticks" {
				continue
			}
			for _, row := range body.Rows {
				ids = append(ids, strconv.FormatInt(row[idColumn].(int64), 10))
			}
		case *replication.XIDEvent:
			if len(ids) == 0 {
				continue
			}
			_, err := client.Pipelined(context.Background(), func(pipe redis.Pipeliner) error {
				for _, id := range ids {
					pipe.Publish(context.Background(), "ticks", id)
				}
				return nil
			})
			must(err)
			ids = ids[:0]
		}
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
