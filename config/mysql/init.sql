-- Run by the MySQL image on its first start (docker-compose.yml).
-- What BinGo needs and nothing more: with binlog_row_metadata=FULL it never reads a table.
CREATE USER 'bingo'@'%' IDENTIFIED BY 'bingo-example';
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'bingo'@'%';

CREATE DATABASE IF NOT EXISTS shop;
CREATE TABLE shop.users (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  status INT NOT NULL DEFAULT 0
);
INSERT INTO shop.users (email) VALUES ('ann@example.com'), ('bob@example.com'), ('cleo@example.com');
