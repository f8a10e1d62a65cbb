CREATE TABLE `alert_rule_changes` (
	`name` text PRIMARY KEY NOT NULL,
	`changes` text NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_silences` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`key_pattern` text,
	`type_pattern` text,
	`resource_pattern` text,
	`until` integer NOT NULL,
	`comment` text,
	`created_by` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `alert_states` (
	`key` text PRIMARY KEY NOT NULL,
	`rule` text NOT NULL,
	`state` text NOT NULL,
	`saved_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `alerts_key` ON `alerts` (`key`,`id`);