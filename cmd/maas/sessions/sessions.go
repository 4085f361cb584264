// Package sessions stores the sessions of users who have signed in, and authenticates calls of servers with them.
package sessions
