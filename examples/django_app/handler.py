from adapter import LambdaHandler
from project.asgi import application

handler = LambdaHandler(application)
