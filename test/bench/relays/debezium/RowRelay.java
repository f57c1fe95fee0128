import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.DebeziumEngine.RecordCommitter;
import io.debezium.engine.format.JsonByteArray;
import java.io.FileReader;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Sends each row as Debezium's JSON to Kafka; a batch is committed when Kafka has acknowledged all of it. */
public final class RowRelay {
  public static void main(String[] args) throws Exception {
    Properties properties = new Properties();
    try (FileReader reader = new FileReader(args[0])) {
      properties.load(reader);
    }
    Properties kafka = new Properties();
    kafka.put("bootstrap.servers", properties.remove("relay.brokers"));
    kafka.put("acks", "all");
    kafka.put("enable.idempotence", "true");
    // Large batches, as Kafka Connect is given them for throughput.
    kafka.put("batch.size", String.valueOf(1024 * 1024));
    kafka.put("linger.ms", "5");
    kafka.put("buffer.memory", String.valueOf(128 * 1024 * 1024));
    KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
    DebeziumEngine<ChangeEvent<byte[], byte[]>> engine =
        DebeziumEngine.create(JsonByteArray.class)
            .using(properties)
            .notifying((records, committer) -> send(producer, records, committer))
            .build();
    engine.run();
  }

  private static void send(
      KafkaProducer<byte[], byte[]> producer,
      List<ChangeEvent<byte[], byte[]>> records,
      RecordCommitter<ChangeEvent<byte[], byte[]>> committer)
      throws InterruptedException {
    List<Future<RecordMetadata>> sent = new ArrayList<>(records.size());
    for (ChangeEvent<byte[], byte[]> each : records) {
      sent.add(producer.send(new ProducerRecord<>(each.destination(), each.key(), each.value())));
    }
    for (Future<RecordMetadata> each : sent) {
      try {
        each.get();
      } catch (ExecutionException error) {
        throw new IllegalStateException(error);
      }
    }
    for (ChangeEvent<byte[], byte[]> each : records) committer.markProcessed(each);
    committer.markBatchFinished();
  }
}
