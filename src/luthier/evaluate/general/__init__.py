"""General ability before and after tuning: has the model forgotten what it could do (R69)?"""
