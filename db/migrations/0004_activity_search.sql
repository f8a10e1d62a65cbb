CREATE TABLE `activity_clock_steps` (
	`first_id` integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `activity_state` (
	`name` text PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
DROP INDEX `activities_type`;--> statement-breakpoint
DROP INDEX `activities_severity`;--> statement-breakpoint
DROP INDEX `activities_resource`;--> statement-breakpoint
DROP INDEX `activities_created`;--> statement-breakpoint
CREATE INDEX `activities_kind` ON `activities` (`activity_type`,`severity`);--> statement-breakpoint
CREATE INDEX `activities_resource_type` ON `activities` (`resource_type`);--> statement-breakpoint
CREATE INDEX `activities_resource_id` ON `activities` (`resource_id`);--> statement-breakpoint
INSERT INTO `activity_clock_steps` (`first_id`) SELECT `id` FROM (SELECT `id`, `created_at`, lag(`created_at`) OVER (ORDER BY `id`) AS `before` FROM `activities`) WHERE `created_at` < `before`;
--> statement-breakpoint
CREATE VIRTUAL TABLE `activity_search` USING fts5(message, resource_id, content='activities', content_rowid='id', columnsize=0, tokenize='unicode61 remove_diacritics 2');
--> statement-breakpoint
INSERT INTO `activity_search` (`activity_search`, `rank`) VALUES ('automerge', 8);
