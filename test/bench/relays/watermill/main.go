// Forwards messages of watermill-sql's table to Kafka, as Watermill's own examples do: relay DSN BROKER TOPIC POLL.
package main

import (
	"context"
	stdsql "database/sql"
	"os"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill-sql/v4/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	_ "github.com/go-sql-driver/mysql"
)

func main() {
	dsn, broker, topic := os.Args[1], os.Args[2], os.Args[3]
	poll, err := time.ParseDuration(os.Args[4])
	check(err)
	logger := watermill.NewStdLogger(false, false)
	db, err := stdsql.Open("mysql", dsn)
	check(err)
	subscriber, err := sql.NewSubscriber(sql.BeginnerFromStdSQL(db), sql.SubscriberConfig{
		ConsumerGroup:    "relay",
		PollInterval:     poll,
		SchemaAdapter:    sql.DefaultMySQLSchema{},
		OffsetsAdapter:   sql.DefaultMySQLOffsetsAdapter{},
		InitializeSchema: true,
	}, logger)
	check(err)
	publisher, err := kafka.NewPublisher(kafka.PublisherConfig{
		Brokers: []string{broker},
		Marshaler: kafka.NewWithPartitioningMarshaler(func(_ string, msg *message.Message) (string, error) {
			return msg.Metadata.Get("key"), nil
		}),
	}, logger)
	check(err)
	router, err := message.NewRouter(message.RouterConfig{}, logger)
	check(err)
	pass := func(msg *message.Message) ([]*message.Message, error) { return []*message.Message{msg}, nil }
	router.AddHandler("relay", "outbox", subscriber, topic, publisher, pass)
	check(router.Run(context.Background()))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
