DROP INDEX `activities_resource_id`;--> statement-breakpoint
CREATE INDEX `activities_resource_id` ON `activities` (`resource_id`,`severity`);