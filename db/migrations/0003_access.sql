CREATE TABLE `access_sessions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`hash` text NOT NULL,
	`token_id` integer,
	`name` text NOT NULL,
	`role` text,
	`scopes` text,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`token_id`) REFERENCES `access_tokens`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `access_sessions_hash_unique` ON `access_sessions` (`hash`);--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `name` text DEFAULT 'first start' NOT NULL;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `role` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `scopes` text;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `expires_at` integer;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `last_used_at` integer;--> statement-breakpoint
ALTER TABLE `access_tokens` ADD `revoked_at` integer;--> statement-breakpoint
-- Until now every token could do everything.
UPDATE `access_tokens` SET `role` = 'admin';
