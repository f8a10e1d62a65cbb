CREATE TABLE `history_10m` (
	`series` integer NOT NULL,
	`bucket` integer NOT NULL,
	`avg` real NOT NULL,
	`min` real NOT NULL,
	`max` real NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`series`, `bucket`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `history_10s` (
	`series` integer NOT NULL,
	`bucket` integer NOT NULL,
	`avg` real NOT NULL,
	`min` real NOT NULL,
	`max` real NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`series`, `bucket`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `history_1h` (
	`series` integer NOT NULL,
	`bucket` integer NOT NULL,
	`avg` real NOT NULL,
	`min` real NOT NULL,
	`max` real NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`series`, `bucket`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `history_1m` (
	`series` integer NOT NULL,
	`bucket` integer NOT NULL,
	`avg` real NOT NULL,
	`min` real NOT NULL,
	`max` real NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`series`, `bucket`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `history_series` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`source` text NOT NULL,
	`metric` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `history_series_name` ON `history_series` (`source`,`metric`);--> statement-breakpoint
CREATE TABLE `history_state` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
