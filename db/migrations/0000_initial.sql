CREATE TABLE `access_tokens` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`hash` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_tokens_hash_unique` ON `access_tokens` (`hash`);--> statement-breakpoint
CREATE TABLE `activities` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`activity_type` text NOT NULL,
	`message` text NOT NULL,
	`severity` text NOT NULL,
	`resource_type` text,
	`resource_id` text,
	`extra_data` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `activities_type` ON `activities` (`activity_type`,`id`);--> statement-breakpoint
CREATE INDEX `activities_severity` ON `activities` (`severity`,`id`);--> statement-breakpoint
CREATE INDEX `activities_resource` ON `activities` (`resource_type`,`resource_id`,`id`);--> statement-breakpoint
CREATE INDEX `activities_created` ON `activities` (`created_at`);--> statement-breakpoint
CREATE TABLE `alert_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`alert_id` integer NOT NULL,
	`data` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`alert_id`) REFERENCES `alerts`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `alert_events_alert` ON `alert_events` (`alert_id`,`id`);--> statement-breakpoint
CREATE TABLE `alerts` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`key` text NOT NULL,
	`type` text NOT NULL,
	`state` text NOT NULL,
	`severity` text NOT NULL,
	`data` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`resolved_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alerts_open` ON `alerts` (`key`) WHERE resolved_at is null;--> statement-breakpoint
CREATE TABLE `deployment_events` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`deployment_id` text NOT NULL,
	`data` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `deployment_events_deployment` ON `deployment_events` (`deployment_id`,`id`);--> statement-breakpoint
CREATE TABLE `deployment_starts` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`model_id` text NOT NULL,
	`runtime` text NOT NULL,
	`ready_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `deployment_starts_model` ON `deployment_starts` (`model_id`,`runtime`,`id`);--> statement-breakpoint
CREATE TABLE `deployments` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`model_id` text NOT NULL,
	`name` text NOT NULL,
	`runtime` text NOT NULL,
	`host` text NOT NULL,
	`port` integer,
	`cpu_cores` real,
	`memory_limit` text,
	`args` text NOT NULL,
	`env` text NOT NULL,
	`health` text NOT NULL,
	`desired` text NOT NULL,
	`status` text NOT NULL,
	`health_status` text NOT NULL,
	`reason` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`started_at` integer,
	`deployed_at` integer,
	FOREIGN KEY (`model_id`) REFERENCES `models`(`model_id`) ON UPDATE no action ON DELETE restrict
);
--> statement-breakpoint
CREATE INDEX `deployments_model` ON `deployments` (`model_id`);--> statement-breakpoint
CREATE TABLE `models` (
	`model_id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`model_source` text NOT NULL,
	`uri` text,
	`description` text,
	`size_bytes` integer,
	`context_length` integer,
	`tags` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
