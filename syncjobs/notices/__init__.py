"""What people are told of: found once a minute, shown on the status page, sent by `connector.notices`."""
