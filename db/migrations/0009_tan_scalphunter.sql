CREATE TABLE `channel_alerts` (
	`channel_id` integer NOT NULL,
	`alert_id` integer NOT NULL,
	`phase` text NOT NULL,
	`severity` text NOT NULL,
	`seq` integer NOT NULL,
	`round` integer NOT NULL,
	`remind_at` integer,
	`muted` integer NOT NULL,
	PRIMARY KEY(`channel_id`, `alert_id`),
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `channel_alerts_remind` ON `channel_alerts` (`remind_at`);--> statement-breakpoint
CREATE TABLE `notifications` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`channel_id` integer NOT NULL,
	`alert_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`round` integer NOT NULL,
	`event` text NOT NULL,
	`state` text NOT NULL,
	`message_id` text,
	`attempts` integer NOT NULL,
	`waited_ms` integer NOT NULL,
	`next_attempt_at` integer,
	`reason` text,
	`happened_at` integer NOT NULL,
	`sent_at` integer,
	`data` text NOT NULL,
	FOREIGN KEY (`channel_id`) REFERENCES `channels`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `notifications_once` ON `notifications` (`alert_id`,`seq`,`channel_id`,`round`);--> statement-breakpoint
CREATE INDEX `notifications_state` ON `notifications` (`channel_id`,`state`,`id`);--> statement-breakpoint
CREATE INDEX `notifications_alert` ON `notifications` (`channel_id`,`alert_id`,`id`);